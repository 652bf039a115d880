DROP TRIGGER jobs_moved;
DROP TRIGGER jobs_counted;
DROP TABLE counts;
DROP TABLE recorded;
DROP TABLE pieces;
DROP TABLE statements;
DROP TABLE jobs;
DROP TABLE clients;
