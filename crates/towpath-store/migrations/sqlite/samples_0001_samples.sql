-- `span_s` is 0 for a sample as it was recorded, 60 and 3600 for merged ones. Times are nanoseconds since 1970.
CREATE TABLE samples (
    id          INTEGER PRIMARY KEY,
    environment TEXT NOT NULL,
    service     TEXT NOT NULL,
    revision    INTEGER NOT NULL,
    span_s      INTEGER NOT NULL,
    from_ns     INTEGER NOT NULL,
    to_ns       INTEGER NOT NULL,
    counts      TEXT NOT NULL
) STRICT;

CREATE INDEX samples_by_window ON samples (environment, service, revision, to_ns);
CREATE INDEX samples_by_age ON samples (span_s, to_ns);
