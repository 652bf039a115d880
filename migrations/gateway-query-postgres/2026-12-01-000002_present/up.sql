-- The key that says that something is there is another one: rows are made again.
TRUNCATE fact, event, document, context, repeat, cursor, element, attribute, child, field;
