-- Times are in milliseconds since 1970.
CREATE TABLE clients (
    name TEXT NOT NULL PRIMARY KEY,
    key_id TEXT NOT NULL UNIQUE,
    key_hash TEXT NOT NULL,
    scopes TEXT NOT NULL,
    steps TEXT NOT NULL,
    locations TEXT NOT NULL,
    per_second BIGINT,
    created_at BIGINT NOT NULL
);

CREATE TABLE jobs (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    client TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    finished_at BIGINT,
    digest BLOB NOT NULL,
    idempotency_key TEXT,
    media_type TEXT NOT NULL,
    behaviour TEXT NOT NULL,
    document_bytes BIGINT NOT NULL,
    indices TEXT NOT NULL,
    was_query BOOLEAN NOT NULL,
    joint BLOB,
    state TEXT NOT NULL,
    -- JSON: what its document tells of it.
    told TEXT NOT NULL,
    -- NULL once it is forgotten. It is last, so that what is read of other columns passes over none of its pages.
    document BLOB
);
CREATE INDEX jobs_by_digest ON jobs (client, digest);
CREATE INDEX jobs_by_key ON jobs (client, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_by_client ON jobs (client, seq);
CREATE INDEX jobs_by_state ON jobs (state, seq);
CREATE INDEX jobs_to_forget ON jobs (finished_at) WHERE document IS NOT NULL AND finished_at IS NOT NULL;

CREATE TABLE statements (
    id TEXT NOT NULL PRIMARY KEY,
    client TEXT NOT NULL,
    -- NULL once it is final: its receipt stays.
    compact BLOB,
    certificate BLOB NOT NULL,
    not_after BIGINT NOT NULL,
    iat BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_at BIGINT,
    node TEXT,
    trouble TEXT,
    leaf BIGINT,
    receipt TEXT
);
CREATE INDEX statements_open ON statements (certificate) WHERE receipt IS NULL;

CREATE TABLE pieces (
    job BIGINT NOT NULL REFERENCES jobs (seq),
    first BIGINT NOT NULL,
    count BIGINT NOT NULL,
    client TEXT NOT NULL,
    state TEXT NOT NULL,
    alone BOOLEAN NOT NULL DEFAULT FALSE,
    statement TEXT REFERENCES statements (id),
    -- The first of its events within the statement.
    at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (job, first)
);
CREATE INDEX pieces_open ON pieces (client, job, first) WHERE state IN ('queued', 'signed', 'sent');
CREATE INDEX pieces_by_statement ON pieces (statement);

-- Events that are final, by what they are looked up by.
CREATE TABLE recorded (
    event_key BLOB NOT NULL PRIMARY KEY,
    content BLOB NOT NULL,
    leaf BIGINT NOT NULL
) WITHOUT ROWID;

-- How many jobs are in each state and how long their documents are: counted as they change, since a queue may hold a million.
CREATE TABLE counts (
    state TEXT NOT NULL PRIMARY KEY,
    jobs BIGINT NOT NULL,
    bytes BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO counts VALUES ('queued', 0, 0), ('signed', 0, 0), ('sent', 0, 0), ('final', 0, 0), ('failed', 0, 0);

CREATE TRIGGER jobs_counted AFTER INSERT ON jobs BEGIN
    UPDATE counts SET jobs = jobs + 1, bytes = bytes + NEW.document_bytes WHERE state = NEW.state;
END;
CREATE TRIGGER jobs_moved AFTER UPDATE OF state ON jobs WHEN OLD.state <> NEW.state BEGIN
    UPDATE counts SET jobs = jobs - 1, bytes = bytes - OLD.document_bytes WHERE state = OLD.state;
    UPDATE counts SET jobs = jobs + 1, bytes = bytes + NEW.document_bytes WHERE state = NEW.state;
END;
