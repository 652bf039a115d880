-- Registrations that a member has invited wait in a room of their own, and those of strangers are counted by the client's
-- address. Both are from the body, for queries.
ALTER TABLE requests ADD COLUMN invited BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE requests ADD COLUMN address TEXT COLLATE "C";
DROP INDEX requests_waiting;
CREATE INDEX requests_waiting ON requests (renewal, invited, bytes) WHERE rejected IS NULL;
CREATE INDEX requests_by_address ON requests (address, bytes) WHERE rejected IS NULL;
