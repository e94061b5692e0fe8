-- How often flags yielded what. `variant` is '' where a flag yielded none. Times are nanoseconds since 1970.
CREATE TABLE evaluations (
    environment TEXT NOT NULL,
    flag        TEXT NOT NULL,
    variant     TEXT NOT NULL,
    reason      TEXT NOT NULL,
    bulk        INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    first_ns    INTEGER NOT NULL,
    last_ns     INTEGER NOT NULL,
    PRIMARY KEY (environment, flag, variant, reason, bulk)
) STRICT, WITHOUT ROWID;
