-- Times are in milliseconds since 1970. `seq` is 65,536 times the leaf, and the event's position in it. Integers of one bit are truths.
CREATE TABLE cursor (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    height BIGINT NOT NULL,
    size BIGINT NOT NULL,
    checkpoint BLOB NOT NULL,
    time BIGINT NOT NULL
);

-- The names of fields, as keys of texts.
CREATE TABLE field (
    id INTEGER NOT NULL PRIMARY KEY,
    name BLOB NOT NULL UNIQUE
);

-- Small rows, so that a walk over all events reads few pages.
CREATE TABLE event (
    seq INTEGER NOT NULL PRIMARY KEY,
    identity BLOB UNIQUE
);

CREATE TABLE context (
    id INTEGER NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    json TEXT NOT NULL
);

CREATE TABLE document (
    seq INTEGER NOT NULL PRIMARY KEY,
    participant BLOB NOT NULL,
    event_id TEXT NOT NULL,
    recorded BIGINT NOT NULL,
    json TEXT NOT NULL,
    context BIGINT
);

-- Leaves at which an event was recorded again.
CREATE TABLE repeat (
    seq BIGINT NOT NULL,
    leaf BIGINT NOT NULL,
    PRIMARY KEY (seq, leaf)
) WITHOUT ROWID;

-- What can be asked of events: by event, and by value.
CREATE TABLE fact (
    seq BIGINT NOT NULL,
    field BIGINT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (seq, field, value)
) WITHOUT ROWID;
CREATE INDEX fact_by_value ON fact (field, value, seq);

-- Of master data, what each participant said last, once as a holder of the id and once as none.
CREATE TABLE element (
    vocabulary TEXT NOT NULL,
    id TEXT NOT NULL,
    participant BLOB NOT NULL,
    is_holder BIGINT NOT NULL,
    leaf BIGINT NOT NULL,
    PRIMARY KEY (vocabulary, id, participant, is_holder)
) WITHOUT ROWID;

CREATE TABLE attribute (
    vocabulary TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    participant BLOB NOT NULL,
    is_holder BIGINT NOT NULL,
    leaf BIGINT NOT NULL,
    value TEXT NOT NULL,
    -- The key of the value's text; NULL of an object or a list.
    text BLOB,
    PRIMARY KEY (vocabulary, id, name, participant, is_holder)
) WITHOUT ROWID;
CREATE INDEX attribute_by_text ON attribute (name, text, id);

CREATE TABLE child (
    parent TEXT NOT NULL,
    vocabulary TEXT NOT NULL,
    child TEXT NOT NULL,
    participant BLOB NOT NULL,
    is_holder BIGINT NOT NULL,
    leaf BIGINT NOT NULL,
    PRIMARY KEY (parent, vocabulary, child, participant, is_holder)
) WITHOUT ROWID;
