-- Rows are made again by whatever program comes next.
TRUNCATE fact, event, document, context, repeat, cursor, element, attribute, child, field;
