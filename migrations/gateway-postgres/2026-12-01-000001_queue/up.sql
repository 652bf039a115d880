-- The tables of migrations/gateway-sqlite, in PostgreSQL's words, and the lease. Text is compared by its bytes (COLLATE "C"),
-- whatever language the database was made for, so that order is the same in both. Times are in milliseconds since 1970.

CREATE TABLE clients (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    key_id TEXT COLLATE "C" NOT NULL UNIQUE,
    key_hash TEXT NOT NULL,
    scopes TEXT NOT NULL,
    steps TEXT NOT NULL,
    locations TEXT NOT NULL,
    per_second BIGINT,
    created_at BIGINT NOT NULL
);

CREATE TABLE jobs (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    client TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    finished_at BIGINT,
    digest BYTEA NOT NULL,
    idempotency_key TEXT COLLATE "C",
    media_type TEXT NOT NULL,
    behaviour TEXT NOT NULL,
    -- NULL once it is forgotten.
    document BYTEA,
    document_bytes BIGINT NOT NULL,
    indices TEXT NOT NULL,
    was_query BOOLEAN NOT NULL,
    joint BYTEA,
    state TEXT COLLATE "C" NOT NULL,
    -- JSON: what its document tells of it.
    told TEXT NOT NULL
);
CREATE INDEX jobs_by_digest ON jobs (client, digest);
CREATE INDEX jobs_by_key ON jobs (client, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_by_client ON jobs (client, seq);
CREATE INDEX jobs_by_state ON jobs (state, seq);
CREATE INDEX jobs_to_forget ON jobs (finished_at) WHERE document IS NOT NULL AND finished_at IS NOT NULL;

CREATE TABLE statements (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    client TEXT COLLATE "C" NOT NULL,
    -- NULL once it is final: its receipt stays.
    compact BYTEA,
    certificate BYTEA NOT NULL,
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
    client TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    alone BOOLEAN NOT NULL DEFAULT FALSE,
    statement TEXT COLLATE "C" REFERENCES statements (id),
    -- The first of its events within the statement.
    at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (job, first)
);
CREATE INDEX pieces_open ON pieces (client, job, first) WHERE state IN ('queued', 'signed', 'sent');
CREATE INDEX pieces_by_statement ON pieces (statement);

-- Events that are final, by what they are looked up by.
CREATE TABLE recorded (
    event_key BYTEA NOT NULL PRIMARY KEY,
    content BYTEA NOT NULL,
    leaf BIGINT NOT NULL
);

-- How many jobs are in each state and how long their documents are: counted as they change, since a queue may hold a million. Each row
-- changes with every job, so that its page has room for new versions of it.
CREATE TABLE counts (
    state TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    jobs BIGINT NOT NULL,
    bytes BIGINT NOT NULL
) WITH (fillfactor = 10);
INSERT INTO counts VALUES ('queued', 0, 0), ('signed', 0, 0), ('sent', 0, 0), ('final', 0, 0), ('failed', 0, 0);

CREATE FUNCTION count_new_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sealane_queue.counts SET jobs = jobs + 1, bytes = bytes + NEW.document_bytes WHERE state = NEW.state;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_moved_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sealane_queue.counts SET jobs = jobs - 1, bytes = bytes - OLD.document_bytes WHERE state = OLD.state;
    UPDATE sealane_queue.counts SET jobs = jobs + 1, bytes = bytes + NEW.document_bytes WHERE state = NEW.state;
    RETURN NULL;
END
$$;
CREATE TRIGGER jobs_counted AFTER INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION count_new_job();
CREATE TRIGGER jobs_moved AFTER UPDATE OF state ON jobs FOR EACH ROW WHEN (OLD.state <> NEW.state)
    EXECUTE FUNCTION count_moved_job();

-- Which gateway has the queue. One that takes the lease raises the epoch, and every change locks the row first, at its gateway's epoch:
-- a gateway whose lease went to another changes nothing. Commands beside the gateway lock the row too, so that changes never overlap.
CREATE TABLE lease (
    one_row BOOLEAN PRIMARY KEY DEFAULT true CHECK (one_row),
    -- Tells this queue from every other one.
    queue BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    -- In the holder's words, for people.
    holder TEXT NOT NULL,
    -- Where the holder's connection came from; null for a socket on the server's own machine.
    address TEXT,
    since TIMESTAMP WITH TIME ZONE NOT NULL
);
INSERT INTO lease (queue, epoch, holder, since) VALUES (floor(random() * 9007199254740992)::bigint, 0, 'nobody', now());
