DROP TABLE requests;
DROP TABLE events;
DROP TABLE subjects;
DROP TABLE statements;
DROP TABLE tiles;
DROP TABLE blocks;
DROP TABLE long_statements;
DROP TABLE leaves;
