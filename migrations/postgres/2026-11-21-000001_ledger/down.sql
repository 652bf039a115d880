DROP TABLE lease;
DROP TABLE requests;
DROP TABLE records;
DROP TABLE tiles;
DROP TABLE blocks;
DROP TABLE long_statements;
DROP TABLE leaves;
DROP FUNCTION append_only;
