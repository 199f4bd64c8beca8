-- A book, version 4: documents (factor tables, settings), kept once each under the digest of their bytes.
CREATE TABLE document (
    sha256 TEXT PRIMARY KEY,
    kept_ns INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
