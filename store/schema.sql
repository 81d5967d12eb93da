-- Version 1 of the store. Times are UTC, ISO 8601. JSON columns hold valid JSON. `value`, `low`, `high` are finite.

-- One invocation of the command; its runs are methods x seeds.
CREATE TABLE batch (
  id           INTEGER PRIMARY KEY,
  command      TEXT NOT NULL,
  created_at   TEXT NOT NULL,
  config       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(config))
) STRICT;

-- One method with one seed.
CREATE TABLE run (
  id           INTEGER PRIMARY KEY,
  batch        INTEGER NOT NULL REFERENCES batch(id) ON DELETE CASCADE,
  method       TEXT NOT NULL,
  tier         TEXT NOT NULL,
  dataset      TEXT NOT NULL,
  dataset_hash TEXT NOT NULL,
  seed         INTEGER NOT NULL,
  config       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(config)),
  code_version TEXT NOT NULL,
  device       TEXT NOT NULL,
  driver       TEXT NOT NULL DEFAULT '',
  libraries    TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(libraries)),  -- {"libtorch": "2.11.0", ...}
  machine      TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(machine)),    -- {"cpu": ..., "cores": ..., "os": ...}
  status       TEXT NOT NULL CHECK (status IN ('running', 'done', 'failed', 'interrupted')),
  reason       TEXT NOT NULL DEFAULT '',                                  -- why it failed or stopped
  started_at   TEXT NOT NULL,
  finished_at  TEXT
) STRICT;
CREATE INDEX run_batch ON run(batch);

-- A completed stage. Its row and everything it recorded are written in one transaction.
CREATE TABLE stage (
  run          INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
  name         TEXT NOT NULL,
  position     INTEGER NOT NULL,                                          -- orders the stages of a run
  seconds      REAL NOT NULL CHECK (seconds >= 0),
  finished_at  TEXT NOT NULL,
  result       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(result)),     -- what a resumed run needs from it
  PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

-- Every choice behind a number. The same name with other choices is another row.
CREATE TABLE protocol (
  id           INTEGER PRIMARY KEY,
  name         TEXT NOT NULL,                                             -- 'fd-small', 'sklearn', ...
  hash         TEXT NOT NULL,                                             -- of choices
  description  TEXT NOT NULL,
  origin       TEXT NOT NULL,                                             -- paper, or code with version
  choices      TEXT NOT NULL CHECK (json_valid(choices)),
  UNIQUE (name, hash)
) STRICT;

CREATE TABLE score (
  id           INTEGER PRIMARY KEY,
  run          INTEGER NOT NULL,
  stage        TEXT NOT NULL,
  arm          TEXT NOT NULL DEFAULT '',                                  -- 'self_label_k100'; '' for the run as a whole
  name         TEXT NOT NULL,
  value        REAL NOT NULL,
  unit         TEXT NOT NULL DEFAULT '',
  better       TEXT NOT NULL DEFAULT '' CHECK (better IN ('', 'lower', 'higher')),
  n            INTEGER NOT NULL CHECK (n >= 0),                           -- samples behind the value
  low          REAL,
  high         REAL,
  level        REAL CHECK (level > 0 AND level < 1),
  interval     TEXT NOT NULL DEFAULT '',                                  -- 'bootstrap over samples, 1000'
  protocol     INTEGER NOT NULL REFERENCES protocol(id),
  params       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(params)),     -- {"w": 2, "w_cfg": 1}
  FOREIGN KEY (run, stage) REFERENCES stage(run, name) ON DELETE CASCADE,
  CHECK ((low IS NULL) = (high IS NULL) AND (low IS NULL) = (level IS NULL)),
  CHECK (low <= high),
  UNIQUE (run, stage, arm, name, protocol, params)
) STRICT;

-- op, variant, shape: what was timed. One row a repetition.
CREATE TABLE timing (
  id           INTEGER PRIMARY KEY,
  batch        INTEGER REFERENCES batch(id) ON DELETE CASCADE,
  run          INTEGER,
  stage        TEXT,
  op           TEXT NOT NULL,
  variant      TEXT NOT NULL DEFAULT '',
  shape        TEXT NOT NULL DEFAULT '',
  dtype        TEXT NOT NULL DEFAULT '',
  device       TEXT NOT NULL,
  threads      INTEGER NOT NULL CHECK (threads >= 1),
  repetition   INTEGER NOT NULL DEFAULT 0 CHECK (repetition >= 0),
  seconds      REAL NOT NULL CHECK (seconds >= 0),
  items        INTEGER NOT NULL DEFAULT 1 CHECK (items >= 0),             -- images, steps, calls done in `seconds`
  item_unit    TEXT NOT NULL DEFAULT '',
  bytes        REAL,                                                      -- moved in `seconds`
  flops        REAL,                                                      -- done in `seconds`
  peak_memory_bytes INTEGER,
  peak_bytes_per_second REAL,                                             -- of the device, where known
  peak_flops_per_second REAL,
  code_version TEXT NOT NULL DEFAULT '',
  machine      TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(machine)),
  created_at   TEXT NOT NULL,
  FOREIGN KEY (run, stage) REFERENCES stage(run, name) ON DELETE CASCADE,
  CHECK ((run IS NULL) = (stage IS NULL))
) STRICT;
CREATE INDEX timing_run ON timing(run, stage);
CREATE INDEX timing_op ON timing(op);

-- Raw values behind a score or a timing, or of a stage (a loss curve): one row a value.
CREATE TABLE sample (
  id           INTEGER PRIMARY KEY,
  run          INTEGER NOT NULL,
  stage        TEXT NOT NULL,
  score        INTEGER REFERENCES score(id) ON DELETE CASCADE,
  timing       INTEGER REFERENCES timing(id) ON DELETE CASCADE,
  kind         TEXT NOT NULL,                                             -- 'image', 'bootstrap', 'loss', ...
  idx          INTEGER NOT NULL CHECK (idx >= 0),
  value        REAL NOT NULL,
  FOREIGN KEY (run, stage) REFERENCES stage(run, name) ON DELETE CASCADE,
  CHECK (score IS NULL OR timing IS NULL)
) STRICT;
CREATE INDEX sample_stage ON sample(run, stage);
CREATE INDEX sample_score ON sample(score) WHERE score IS NOT NULL;
CREATE INDEX sample_timing ON sample(timing) WHERE timing IS NOT NULL;

-- arm_a minus arm_b over the seeds they share.
CREATE TABLE comparison (
  id           INTEGER PRIMARY KEY,
  batch        INTEGER NOT NULL REFERENCES batch(id) ON DELETE CASCADE,
  method       TEXT NOT NULL,
  dataset      TEXT NOT NULL DEFAULT '',
  metric       TEXT NOT NULL,
  protocol     INTEGER NOT NULL REFERENCES protocol(id),
  arm_a        TEXT NOT NULL,
  arm_b        TEXT NOT NULL,
  params       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(params)),
  better       TEXT NOT NULL DEFAULT '' CHECK (better IN ('', 'lower', 'higher')),
  difference   REAL NOT NULL,
  low          REAL,
  high         REAL,
  level        REAL CHECK (level > 0 AND level < 1),
  p_value      REAL CHECK (p_value BETWEEN 0 AND 1),
  p_adjusted   REAL CHECK (p_adjusted BETWEEN 0 AND 1),
  test         TEXT NOT NULL DEFAULT '',                                  -- 'paired t over seeds; Holm over 6'
  n_seeds      INTEGER NOT NULL CHECK (n_seeds >= 1),
  seeds        TEXT NOT NULL CHECK (json_valid(seeds)),
  differences  TEXT NOT NULL CHECK (json_valid(differences)),             -- one a seed, in the order of seeds
  CHECK ((low IS NULL) = (high IS NULL) AND (low IS NULL) = (level IS NULL)),
  CHECK (low <= high),
  UNIQUE (batch, method, dataset, metric, protocol, arm_a, arm_b, params)
) STRICT;

CREATE TABLE claim (
  id           INTEGER PRIMARY KEY,
  batch        INTEGER NOT NULL REFERENCES batch(id) ON DELETE CASCADE,
  name         TEXT NOT NULL,
  method       TEXT NOT NULL,
  statement    TEXT NOT NULL,
  origin       TEXT NOT NULL,                                             -- table, figure or section of the paper
  verdict      TEXT NOT NULL CHECK (verdict IN ('supported', 'contradicted', 'inconclusive', 'not run')),
  statistic    REAL,
  low          REAL,
  high         REAL,
  threshold    TEXT NOT NULL DEFAULT '',
  seeds        TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(seeds)),
  note         TEXT NOT NULL DEFAULT '',
  CHECK ((low IS NULL) = (high IS NULL)),
  CHECK (low <= high),
  UNIQUE (batch, name, method)
) STRICT;

CREATE TABLE artifact (
  id           INTEGER PRIMARY KEY,
  run          INTEGER NOT NULL,
  stage        TEXT NOT NULL,
  name         TEXT NOT NULL,
  kind         TEXT NOT NULL,                                             -- 'image-grid', 'checkpoint', 'samples', 'features'
  path         TEXT NOT NULL,                                             -- relative to the folder of this file
  hash         TEXT NOT NULL,
  bytes        INTEGER NOT NULL CHECK (bytes >= 0),
  meta         TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(meta)),
  FOREIGN KEY (run, stage) REFERENCES stage(run, name) ON DELETE CASCADE,
  UNIQUE (run, stage, name)
) STRICT;

-- What was skipped, counted or surprising, in a stage, a run or a batch.
CREATE TABLE note (
  id           INTEGER PRIMARY KEY,
  batch        INTEGER NOT NULL REFERENCES batch(id) ON DELETE CASCADE,
  run          INTEGER REFERENCES run(id) ON DELETE CASCADE,
  stage        TEXT NOT NULL DEFAULT '',
  text         TEXT NOT NULL,
  created_at   TEXT NOT NULL
) STRICT;
CREATE INDEX note_run ON note(run);
