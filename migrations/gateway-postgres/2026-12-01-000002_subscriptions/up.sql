CREATE TABLE queries (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    client TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    -- JSON: the parameters.
    definition TEXT NOT NULL
);

CREATE TABLE subscriptions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    query TEXT COLLATE "C" NOT NULL REFERENCES queries (name) ON DELETE CASCADE,
    client TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    dest TEXT NOT NULL,
    signature_token TEXT,
    -- JSON: when it is told, and since when.
    controls TEXT NOT NULL,
    epc_format TEXT NOT NULL,
    -- The last event that its subscriber knows of; NULL before the first one of the ledger.
    told_leaf BIGINT,
    told_position BIGINT,
    last_notified_at BIGINT,
    last_run_at BIGINT,
    -- JSON: what stands in the way, since when, and when it is tried again.
    trouble TEXT,
    suspended BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX subscriptions_by_query ON subscriptions (query);
