-- Not on the ledger: what the writer writes to see whether it can write again. Each time takes the place of the last.
CREATE TABLE write_probe (
    one_row BOOLEAN PRIMARY KEY DEFAULT true CHECK (one_row),
    bytes BYTEA NOT NULL
);
ALTER TABLE write_probe ALTER COLUMN bytes SET STORAGE EXTERNAL;
