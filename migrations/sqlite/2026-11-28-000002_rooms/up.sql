-- Registrations that a member has invited wait in a room of their own, and those of strangers are counted by the client's
-- address. Both are from the body, for queries.
ALTER TABLE requests ADD COLUMN invited INTEGER NOT NULL DEFAULT 0 CHECK (invited IN (0, 1));
ALTER TABLE requests ADD COLUMN address TEXT;
DROP INDEX requests_waiting;
CREATE INDEX requests_waiting ON requests (renewal, invited, bytes) WHERE rejected IS NULL;
CREATE INDEX requests_by_address ON requests (address, bytes) WHERE rejected IS NULL;
