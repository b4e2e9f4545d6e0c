-- Counts of rows, so that one that has vanished is found; `checksum` is of the name and the count.
CREATE TABLE counts (name TEXT PRIMARY KEY, count INTEGER NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;

-- A process that has runs. Its lease counts for all of them; a process renews one row however many runs it has.
CREATE TABLE owners (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    machine TEXT NOT NULL,
    started TEXT NOT NULL,
    lease_until REAL NOT NULL,
    checksum INTEGER NOT NULL
);

-- Where each run stands. This row is written with each commit, so it is small; what the run began with is in `log`.
-- A number is never used again (AUTOINCREMENT): a process that comes back late must not meet another run under it.
-- `seq` is the last entry, `chain` its checksum, `asked` and `shots` are the numbers of its approvals and
-- snapshots; `fence` goes up by one with each owner; `checksum` is of all other columns.
CREATE TABLE runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    graph TEXT NOT NULL,
    parent TEXT NOT NULL,
    parent_step INTEGER NOT NULL,
    relation TEXT NOT NULL,
    started_at REAL NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    waiting BLOB NOT NULL,
    changed_at REAL NOT NULL,
    steps INTEGER NOT NULL,
    cost REAL,
    seq INTEGER NOT NULL,
    chain INTEGER NOT NULL,
    asked INTEGER NOT NULL,
    shots INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    owner INTEGER,
    since REAL NOT NULL,
    checksum INTEGER NOT NULL
);

-- The logs, in the order of `place`, which is the run's number * 2^32 + seq; the entry 0 is the run's own record.
-- One integer as the key keeps an entry's overhead at a few bytes, and large entries in the row's own page.
CREATE TABLE log (place INTEGER PRIMARY KEY, record BLOB NOT NULL);

-- The questions, in the order of asking. `state`: 0 open, 1 answered, 2 withdrawn.
CREATE TABLE approvals (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    run INTEGER NOT NULL,
    state INTEGER NOT NULL,
    record BLOB NOT NULL,
    UNIQUE (id, run)
);
CREATE INDEX approvals_of_run ON approvals (run);

-- `place` is the run's number * 2^32 + step; `seq` is how many entries the log had.
CREATE TABLE snapshots (place INTEGER PRIMARY KEY, seq INTEGER NOT NULL, size INTEGER NOT NULL, record BLOB NOT NULL);

-- Large values by their content; `size` is that of the value, `data` is compressed where it is shorter.
CREATE TABLE blobs (digest BLOB PRIMARY KEY, size INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE blob_uses (run INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (run, digest)) WITHOUT ROWID;
CREATE INDEX uses_of_blob ON blob_uses (digest);
