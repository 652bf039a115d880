DROP TABLE lease;
DROP TABLE counts, recorded, pieces, statements, jobs, clients;
DROP FUNCTION count_new_job();
DROP FUNCTION count_moved_job();
