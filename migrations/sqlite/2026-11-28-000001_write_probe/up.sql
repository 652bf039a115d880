-- Not on the ledger: what the writer writes to see whether it can write again. Each time takes the place of the last.
CREATE TABLE write_probe (
    one_row INTEGER PRIMARY KEY NOT NULL CHECK (one_row = 1),
    bytes BLOB NOT NULL
) STRICT;
