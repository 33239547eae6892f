/** Tables of the index. Everything in them is derived, so a changed layout is not migrated: the tables are dropped and filled again. */
export const indexLayout = 3;

export const createIndexTables = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE streams (stream TEXT PRIMARY KEY, folded INTEGER NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE runs (
    run_id TEXT PRIMARY KEY, kind TEXT NOT NULL, workflow TEXT, title TEXT, status TEXT NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL, events INTEGER NOT NULL
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX runs_by_time ON runs (created_at, run_id);
  CREATE TABLE artifacts (
    artifact_id TEXT PRIMARY KEY, stream TEXT NOT NULL, seq INTEGER NOT NULL, inline INTEGER NOT NULL,
    run_id TEXT NOT NULL, artifact_type TEXT NOT NULL, artifact_name TEXT, producer_id TEXT NOT NULL, digest TEXT NOT NULL,
    created_at TEXT NOT NULL, ref TEXT NOT NULL
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX artifacts_by_run ON artifacts (run_id, seq);
  CREATE INDEX artifacts_by_digest ON artifacts (digest);
  CREATE INDEX artifacts_by_time ON artifacts (created_at, stream, seq);
  CREATE TABLE results (
    run_id TEXT NOT NULL, step_id TEXT NOT NULL, attempt INTEGER NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL, at TEXT NOT NULL,
    key TEXT NOT NULL, materials TEXT NOT NULL, against INTEGER, PRIMARY KEY (run_id, step_id)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX results_by_key ON results (key, at);
  CREATE INDEX results_by_step ON results (step_id, at);
  CREATE TABLE uses (
    run_id TEXT NOT NULL, step_id TEXT NOT NULL, attempt INTEGER NOT NULL, used_at TEXT NOT NULL, PRIMARY KEY (run_id, step_id, attempt)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE standing (
    run_id TEXT NOT NULL, step_id TEXT NOT NULL, from_run TEXT NOT NULL, from_step TEXT NOT NULL, from_attempt INTEGER NOT NULL, PRIMARY KEY (run_id, step_id)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE objections (
    run_id TEXT NOT NULL, step_id TEXT NOT NULL, attempt INTEGER NOT NULL, by_run TEXT NOT NULL, by_seq INTEGER NOT NULL,
    PRIMARY KEY (run_id, step_id, attempt, by_run)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE materials (artifact_id TEXT PRIMARY KEY, ref TEXT NOT NULL, inline TEXT) WITHOUT ROWID, STRICT;
  CREATE TABLE inputs (input TEXT NOT NULL, consumer TEXT NOT NULL, PRIMARY KEY (input, consumer)) WITHOUT ROWID, STRICT;
`;

export const dropIndexTables = `
  DROP TABLE IF EXISTS meta; DROP TABLE IF EXISTS streams; DROP TABLE IF EXISTS runs; DROP TABLE IF EXISTS artifacts; DROP TABLE IF EXISTS inputs;
  DROP TABLE IF EXISTS results; DROP TABLE IF EXISTS uses; DROP TABLE IF EXISTS materials; DROP TABLE IF EXISTS standing; DROP TABLE IF EXISTS objections;
`;
