CREATE TABLE entries (
    sequence    INTEGER PRIMARY KEY CHECK (sequence >= 0),
    at          TEXT NOT NULL,
    principal   TEXT NOT NULL,
    cause       TEXT NOT NULL,
    environment TEXT,
    kind        TEXT NOT NULL,
    version     INTEGER NOT NULL,
    body        TEXT NOT NULL,
    leaf_hash   BLOB NOT NULL CHECK (length(leaf_hash) = 32)
) STRICT;

-- The tree is rebuilt at every start from the hashes alone; from here they are read without the bodies.
CREATE INDEX entries_hashes ON entries (sequence, leaf_hash);

CREATE TABLE checkpoints (
    size INTEGER PRIMARY KEY CHECK (size > 0),
    note TEXT NOT NULL
) STRICT;

CREATE TABLE snapshots (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    size   INTEGER NOT NULL,
    format TEXT NOT NULL,
    bytes  BLOB NOT NULL
) STRICT;

-- The Merkle tree finds every change; these only stop the accidental ones.
CREATE TRIGGER entries_are_numbered_on BEFORE INSERT ON entries
WHEN NEW.sequence <> (SELECT coalesce(max(sequence) + 1, 0) FROM entries)
BEGIN SELECT RAISE(ABORT, 'entries are appended in order'); END;

CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries of the ledger never change'); END;

CREATE TRIGGER entries_are_never_removed BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries of the ledger are never removed'); END;

CREATE TRIGGER checkpoints_never_change BEFORE UPDATE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints of the ledger never change'); END;

CREATE TRIGGER checkpoints_are_never_removed BEFORE DELETE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints of the ledger are never removed'); END;
