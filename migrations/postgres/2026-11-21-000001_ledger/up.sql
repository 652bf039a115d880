-- The tables of migrations/sqlite, in PostgreSQL's words, and the lease. Text is compared by its bytes (COLLATE "C"),
-- whatever language the database was made for, so that order is the same in both stores.

CREATE TABLE leaves (
    leaf_index BIGINT PRIMARY KEY CHECK (leaf_index >= 0),
    -- 0 seal, 1 capture, 2 admin statement; a hint for reading, derived from the bytes.
    content INTEGER NOT NULL,
    bytes BYTEA NOT NULL
);

-- Statements too long for a leaf, by the SHA-256 that their leaf holds.
CREATE TABLE long_statements (
    hash BYTEA PRIMARY KEY CHECK (octet_length(hash) = 32),
    bytes BYTEA NOT NULL
);

CREATE TABLE blocks (
    height BIGINT PRIMARY KEY CHECK (height >= 0),
    -- Leaves in the tree once this block is in it; its seal is leaf tree_size - 1.
    tree_size BIGINT NOT NULL UNIQUE CHECK (tree_size > 0),
    checkpoint TEXT COLLATE "C" NOT NULL,
    -- The whole C2SP signed note: the checkpoint's text and the signature lines.
    note TEXT COLLATE "C" NOT NULL,
    commitment TEXT COLLATE "C" NOT NULL
);

-- Derived: the tiles of C2SP tlog-tiles, up to 256 hashes of 32 bytes each; the last one of a level grows.
CREATE TABLE tiles (
    level INTEGER NOT NULL,
    tile_index BIGINT NOT NULL,
    hashes BYTEA NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (level, tile_index)
);
-- Hashes do not compress.
ALTER TABLE tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Derived: what one statement says, so that nobody has to read it again to look something up.
CREATE TABLE records (
    leaf_index BIGINT PRIMARY KEY,
    -- Its block's, in milliseconds since 1970.
    time BIGINT NOT NULL,
    bytes BYTEA NOT NULL
);

-- Not on the ledger: requests that wait for a member's decision, and those refused. What was approved is on the ledger,
-- and what is too old is forgotten.
CREATE TABLE requests (
    -- The participant's. It has one request at a time.
    id TEXT COLLATE "C" PRIMARY KEY,
    received_at BIGINT NOT NULL,
    -- Whether it is for a further certificate, the key that it is for, and its body's length: from the body, for queries.
    renewal BOOLEAN NOT NULL,
    key BYTEA NOT NULL CHECK (octet_length(key) = 32),
    bytes BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    -- Why it was rejected; null while it waits.
    rejected TEXT COLLATE "C"
);
CREATE UNIQUE INDEX requests_by_key ON requests (key) WHERE rejected IS NULL;
CREATE INDEX requests_waiting ON requests (renewal, bytes) WHERE rejected IS NULL;
CREATE INDEX requests_by_age ON requests (received_at);

-- Which node may write. One that takes the lease raises the epoch, and every write locks the row at its writer's epoch:
-- a node whose lease went to another cannot commit.
CREATE TABLE lease (
    one_row BOOLEAN PRIMARY KEY DEFAULT true CHECK (one_row),
    epoch BIGINT NOT NULL,
    -- In the holder's words, for people.
    holder TEXT NOT NULL,
    -- Where the holder's connection came from; null for a socket on the server's own machine.
    address TEXT,
    since TIMESTAMP WITH TIME ZONE NOT NULL
);
INSERT INTO lease (epoch, holder, since) VALUES (0, 'nobody', now());

-- The ledger is appended to and never rewritten.
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the table % is append-only', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER leaves_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON leaves
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER blocks_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON blocks
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER long_statements_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON long_statements
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
