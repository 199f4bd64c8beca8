-- A book, version 2: hour and day roll-ups, and a view of the flows for people with a SQL shell.
-- width: 0 the span lies within one UTC hour, 1 within one UTC day, 2 wider.
ALTER TABLE span ADD COLUMN width INTEGER NOT NULL DEFAULT 0;
UPDATE span SET width =
    (start_ns - ((start_ns % 3600000000000) + 3600000000000) % 3600000000000
        <> (end_ns - 1) - (((end_ns - 1) % 3600000000000) + 3600000000000) % 3600000000000)
    + (start_ns - ((start_ns % 86400000000000) + 86400000000000) % 86400000000000
        <> (end_ns - 1) - (((end_ns - 1) % 86400000000000) + 86400000000000) % 86400000000000);
CREATE INDEX span_wide ON span (start_ns) WHERE width > 0;

-- Flows with an id below next_flow are folded. Those within one hour that begins before pruned_hour (hours
-- since 1970) were dropped: their hour row stands for them.
CREATE TABLE rollup (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    next_flow INTEGER NOT NULL,
    pruned_hour INTEGER NOT NULL
) STRICT;
INSERT INTO rollup VALUES (0, 1, -9000000);

-- Sums of the flows within one hour (in day: within one day) by route. amount: an integer, or decimal text
-- where it is past 64 bits. What was folded reaches from first_after ns behind the bucket's start to
-- last_before ns before its end.
CREATE TABLE hour (
    hour INTEGER NOT NULL,
    route INTEGER NOT NULL,
    amount ANY NOT NULL,
    flow_count INTEGER NOT NULL,
    first_after_ns INTEGER NOT NULL,
    last_before_ns INTEGER NOT NULL,
    PRIMARY KEY (hour, route)
) STRICT, WITHOUT ROWID;
CREATE TABLE day (
    day INTEGER NOT NULL,
    route INTEGER NOT NULL,
    amount ANY NOT NULL,
    flow_count INTEGER NOT NULL,
    first_after_ns INTEGER NOT NULL,
    last_before_ns INTEGER NOT NULL,
    PRIMARY KEY (day, route)
) STRICT, WITHOUT ROWID;

CREATE VIEW flows AS
SELECT f.id, strftime('%Y-%m-%dT%H:%M:%SZ', s.start_ns / 1000000000, 'unixepoch') AS start,
    s.start_ns, s.end_ns, a.path AS source, b.path AS target, f.amount, r.commodity, r.method,
    r.uncertainty_ppm, CASE p.text WHEN '' THEN s.suffix ELSE p.text || s.suffix END AS batch
FROM span s
JOIN flow f ON f.id BETWEEN s.first_flow AND s.first_flow + s.flow_count - 1
JOIN route r ON r.id = f.route
JOIN account a ON a.id = r.source
JOIN account b ON b.id = r.target
JOIN prefix p ON p.id = s.prefix;
