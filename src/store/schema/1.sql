-- A book, version 1: accounts, routes, batches, spans and flows; counter positions, gaps and labels.
-- Every flow of a batch that has one interval stands in one span; a span's flows have consecutive ids that
-- begin with the span's own. Ids are never used again: the next is the one behind the last span's flows, or
-- behind those that were folded when they came later and were dropped.
CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE
) STRICT;

-- Everything about a flow but its time and amount.
CREATE TABLE route (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES account,
    target INTEGER NOT NULL REFERENCES account,
    commodity INTEGER NOT NULL,
    method INTEGER NOT NULL,
    uncertainty_ppm INTEGER NOT NULL,
    UNIQUE (source, target, commodity, method, uncertainty_ppm)
) STRICT;

-- A batch's identity is its prefix's text (up to the last space) and its suffix. Batches stay for good, so
-- that booking one again changes nothing.
CREATE TABLE prefix (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE batch (
    prefix INTEGER NOT NULL REFERENCES prefix,
    suffix TEXT NOT NULL,
    first_flow INTEGER NOT NULL,
    flow_count INTEGER NOT NULL,
    booked_ns INTEGER NOT NULL,
    PRIMARY KEY (prefix, suffix)
) STRICT, WITHOUT ROWID;

CREATE TABLE span (
    first_flow INTEGER PRIMARY KEY,
    flow_count INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    prefix INTEGER NOT NULL REFERENCES prefix,
    suffix TEXT NOT NULL
) STRICT;
CREATE INDEX span_start ON span (start_ns);

CREATE TABLE flow (
    id INTEGER PRIMARY KEY,
    route INTEGER NOT NULL,
    amount INTEGER NOT NULL
) STRICT;

CREATE TABLE host (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    boot_id TEXT NOT NULL
) STRICT;
CREATE TABLE position (
    host INTEGER NOT NULL REFERENCES host,
    counter TEXT NOT NULL,
    value INTEGER NOT NULL, -- 64 bits without sign
    realtime_ns INTEGER NOT NULL,
    boottime_ns INTEGER NOT NULL,
    PRIMARY KEY (host, counter)
) STRICT, WITHOUT ROWID;

CREATE TABLE gap (
    id INTEGER PRIMARY KEY,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    account INTEGER NOT NULL REFERENCES account,
    reason TEXT NOT NULL
) STRICT;

CREATE TABLE label (
    id INTEGER PRIMARY KEY,
    pattern TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (pattern, key)
) STRICT;
