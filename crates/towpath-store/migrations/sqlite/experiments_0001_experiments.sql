-- Units and ids of events are keyed hashes of 16 bytes. Times are milliseconds since 1970.
CREATE TABLE runs (
    id          INTEGER PRIMARY KEY,
    environment TEXT NOT NULL,
    experiment  TEXT NOT NULL,
    run         INTEGER NOT NULL,
    UNIQUE (environment, experiment, run)
) STRICT;

CREATE TABLE event_names (
    id          INTEGER PRIMARY KEY,
    environment TEXT NOT NULL,
    name        TEXT NOT NULL,
    UNIQUE (environment, name)
) STRICT;

-- `mixed` is 1 for a unit that was seen in another variant too.
CREATE TABLE exposures (
    run     INTEGER NOT NULL,
    unit    BLOB NOT NULL,
    variant INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL,
    mixed   INTEGER NOT NULL,
    PRIMARY KEY (run, unit)
) STRICT, WITHOUT ROWID;

CREATE TABLE metric_events (
    event INTEGER NOT NULL,
    unit  BLOB NOT NULL,
    id    BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    value REAL,
    PRIMARY KEY (event, unit, id)
) STRICT, WITHOUT ROWID;
