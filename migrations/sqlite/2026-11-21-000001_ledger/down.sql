DROP TABLE requests;
DROP TABLE events;
DROP TABLE subjects;
DROP TABLE statements;
DROP TABLE subtree_roots;
DROP TABLE blocks;
DROP TABLE long_statements;
DROP TABLE leaves;
