-- The key that says that something is there is another one: rows are made again.
DELETE FROM fact;
DELETE FROM event;
DELETE FROM document;
DELETE FROM context;
DELETE FROM repeat;
DELETE FROM cursor;
DELETE FROM element;
DELETE FROM attribute;
DELETE FROM child;
DELETE FROM field;
