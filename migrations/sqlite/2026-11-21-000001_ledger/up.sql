-- Ground state: leaves, the bytes of long statements, and blocks. Everything else is derived from them and is checked
-- against them by `sealane audit`. Tables are STRICT, so that SQLite's own check finds a value of another type too.

CREATE TABLE leaves (
    leaf_index INTEGER PRIMARY KEY NOT NULL,
    -- 0 seal, 1 capture, 2 admin statement; a hint for reading, derived from the bytes.
    content INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

-- Statements too long for a leaf, by the SHA-256 that their leaf holds.
CREATE TABLE long_statements (
    hash BLOB PRIMARY KEY NOT NULL,
    bytes BLOB NOT NULL
) WITHOUT ROWID, STRICT;

CREATE TABLE blocks (
    height INTEGER PRIMARY KEY NOT NULL,
    -- Leaves in the tree once this block is in it; its seal is leaf tree_size - 1.
    tree_size INTEGER NOT NULL UNIQUE,
    checkpoint TEXT NOT NULL,
    -- The whole C2SP signed note: the checkpoint's text and the signature lines.
    note TEXT NOT NULL,
    commitment TEXT NOT NULL
) STRICT;

-- Derived: the tiles of C2SP tlog-tiles, up to 256 hashes of 32 bytes each; the last one of a level grows.
CREATE TABLE tiles (
    level INTEGER NOT NULL,
    tile_index INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (level, tile_index)
) STRICT;

-- Derived: what one statement says, so that nobody has to read it again to look something up.
CREATE TABLE records (
    leaf_index INTEGER PRIMARY KEY NOT NULL,
    -- Its block's, in milliseconds since 1970.
    time INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

-- Not on the ledger: requests that wait for a member's decision, and those refused. What was approved is on the ledger,
-- and what is too old is forgotten.
CREATE TABLE requests (
    -- The participant's. It has one request at a time.
    id TEXT PRIMARY KEY NOT NULL,
    received_at INTEGER NOT NULL,
    -- Whether it is for a further certificate, the key that it is for, and its body's length: from the body, for queries.
    renewal INTEGER NOT NULL CHECK (renewal IN (0, 1)),
    key BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    body TEXT NOT NULL,
    -- Why it was rejected; null while it waits.
    rejected TEXT
) WITHOUT ROWID, STRICT;
CREATE UNIQUE INDEX requests_by_key ON requests (key) WHERE rejected IS NULL;
CREATE INDEX requests_waiting ON requests (renewal, bytes) WHERE rejected IS NULL;
CREATE INDEX requests_by_age ON requests (received_at);

-- The ledger is appended to and never rewritten.
CREATE TRIGGER leaves_keep_update BEFORE UPDATE ON leaves BEGIN SELECT RAISE(ABORT, 'leaves are append-only'); END;
CREATE TRIGGER leaves_keep_delete BEFORE DELETE ON leaves BEGIN SELECT RAISE(ABORT, 'leaves are append-only'); END;
CREATE TRIGGER blocks_keep_update BEFORE UPDATE ON blocks BEGIN SELECT RAISE(ABORT, 'blocks are append-only'); END;
CREATE TRIGGER blocks_keep_delete BEFORE DELETE ON blocks BEGIN SELECT RAISE(ABORT, 'blocks are append-only'); END;
CREATE TRIGGER long_statements_keep_update BEFORE UPDATE ON long_statements
    BEGIN SELECT RAISE(ABORT, 'long statements are append-only'); END;
CREATE TRIGGER long_statements_keep_delete BEFORE DELETE ON long_statements
    BEGIN SELECT RAISE(ABORT, 'long statements are append-only'); END;
