DROP INDEX requests_by_address;
DROP INDEX requests_waiting;
ALTER TABLE requests DROP COLUMN address;
ALTER TABLE requests DROP COLUMN invited;
CREATE INDEX requests_waiting ON requests (renewal, bytes) WHERE rejected IS NULL;
