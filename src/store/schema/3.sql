-- A book, version 3: series, and their steps in blocks.
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    quantity TEXT NOT NULL,
    unit TEXT NOT NULL,
    region TEXT NOT NULL,
    subject TEXT NOT NULL,
    source TEXT NOT NULL,
    licence TEXT NOT NULL,
    note TEXT NOT NULL,
    uncertainty REAL, -- NULL: not known
    changed_ns INTEGER NOT NULL
) STRICT;

-- step_count steps of step_ns each, one behind the other from start_ns on; what has no block is not known.
-- levels: their values, 8 bytes each, IEEE 754, little-endian. Blocks of a series do not overlap.
CREATE TABLE block (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL REFERENCES series,
    start_ns INTEGER NOT NULL,
    step_ns INTEGER NOT NULL,
    step_count INTEGER NOT NULL,
    levels BLOB NOT NULL,
    UNIQUE (series, start_ns)
) STRICT;
