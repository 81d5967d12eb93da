-- Version 2: which score of arm_b a comparison took, and the published numbers a batch stands beside.

-- SQLite cannot add a column to a UNIQUE constraint, so the table is made anew.
CREATE TABLE comparison_2 (
  id           INTEGER PRIMARY KEY,
  batch        INTEGER NOT NULL REFERENCES batch(id) ON DELETE CASCADE,
  method       TEXT NOT NULL,
  dataset      TEXT NOT NULL DEFAULT '',
  metric       TEXT NOT NULL,
  protocol     INTEGER NOT NULL REFERENCES protocol(id),
  arm_a        TEXT NOT NULL,
  arm_b        TEXT NOT NULL,
  params       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(params)),     -- of arm_a
  params_b     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(params_b)),
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
  UNIQUE (batch, method, dataset, metric, protocol, arm_a, arm_b, params, params_b)
) STRICT;
INSERT INTO comparison_2 (id, batch, method, dataset, metric, protocol, arm_a, arm_b, params, better, difference, low,
                          high, level, p_value, p_adjusted, test, n_seeds, seeds, differences)
  SELECT id, batch, method, dataset, metric, protocol, arm_a, arm_b, params, better, difference, low,
         high, level, p_value, p_adjusted, test, n_seeds, seeds, differences FROM comparison;
DROP TABLE comparison;
ALTER TABLE comparison_2 RENAME TO comparison;

-- One number of a published table, as the program knew it when the batch ran.
CREATE TABLE published (
  id           INTEGER PRIMARY KEY,
  batch        INTEGER NOT NULL REFERENCES batch(id) ON DELETE CASCADE,
  method       TEXT NOT NULL,
  title        TEXT NOT NULL,                                             -- of the table
  source       TEXT NOT NULL,                                             -- where the number was read
  label        TEXT NOT NULL,                                             -- of the row
  settings     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
  metric       TEXT NOT NULL,                                             -- the column
  better       TEXT NOT NULL DEFAULT '' CHECK (better IN ('', 'lower', 'higher')),
  printed      TEXT NOT NULL DEFAULT '',                                  -- '0.70'; '': unknown
  value        REAL,                                                      -- of printed
  n            INTEGER NOT NULL DEFAULT 0 CHECK (n >= 0),                 -- samples behind it; 0: unknown
  trust        TEXT NOT NULL DEFAULT '',                                  -- tag: 'ED', '2nd'
  trust_meaning TEXT NOT NULL DEFAULT '',
  note         TEXT NOT NULL DEFAULT '',
  ours         TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(ours)),       -- [{"arm", "score", "protocol", "params", "stand_in"}]
  CHECK ((value IS NULL) = (printed = '')),
  CHECK (value IS NULL OR trust <> ''),
  UNIQUE (batch, method, title, label, metric)
) STRICT;
