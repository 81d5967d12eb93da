-- Version 3: accepted baselines, names of batches that hold in every store, and seals of what stages recorded.

-- What later batches are compared with. A name may stand for several batches, as of a nightly that runs and times.
CREATE TABLE baseline (
  id           INTEGER PRIMARY KEY,
  batch        INTEGER NOT NULL REFERENCES batch(id) ON DELETE CASCADE,
  name         TEXT NOT NULL CHECK (name <> ''),
  note         TEXT NOT NULL DEFAULT '',                                  -- why it was accepted
  accepted_at  TEXT NOT NULL,
  UNIQUE (name, batch)
) STRICT;

-- The same in every copy of a store, so that merging two of them finds what both hold. Batches of older versions are
-- named by what copies of them share; later ones by chance.
ALTER TABLE batch ADD COLUMN uid TEXT NOT NULL DEFAULT '';
UPDATE batch SET uid = id || ' ' || created_at || ' ' || command;
CREATE TRIGGER batch_uid AFTER INSERT ON batch WHEN NEW.uid = '' BEGIN
  UPDATE batch SET uid = lower(hex(randomblob(16))) WHERE id = NEW.id;
END;
CREATE UNIQUE INDEX batch_by_uid ON batch(uid) WHERE uid <> '';

-- A chain: each hash is of the one before it and of what its stage recorded. Stages of older versions have none.
CREATE TABLE seal (
  id           INTEGER PRIMARY KEY,
  run          INTEGER NOT NULL,
  stage        TEXT NOT NULL,
  hash         TEXT NOT NULL,
  FOREIGN KEY (run, stage) REFERENCES stage(run, name) ON DELETE CASCADE,
  UNIQUE (run, stage)
) STRICT;
