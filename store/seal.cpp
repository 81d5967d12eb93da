#include "store/seal.h"

#include "core/hash.h"

namespace assay::seals {
namespace {

/// A value with its type, so that NULL, 0 and an empty text differ.
void add(Hasher& hasher, const SQLite::Column& value) {
  hasher.number(static_cast<std::int64_t>(value.getType()));
  if (value.isFloat())
    hasher.number(value.getDouble());
  else if (value.isInteger())
    hasher.number(value.getInt64());
  else
    hasher.text(value.getString());
}

struct Seal {
  RowId id = 0;
  RowId run = 0;
  std::string stage;
  std::string hash;
};

std::vector<Seal> chain_of(SQLite::Database& database) {
  SQLite::Statement read(database, "SELECT id, run, stage, hash FROM seal ORDER BY id");
  std::vector<Seal> seals;
  while (read.executeStep())
    seals.push_back({read.getColumn(0).getInt64(), read.getColumn(1).getInt64(), read.getColumn(2).getString(),
                     read.getColumn(3).getString()});
  return seals;
}

}  // namespace

std::string hash_of(SQLite::Database& database, RowId run, const std::string& stage, const std::string& before) {
  Hasher hasher;
  hasher.text(before);
  SQLite::Statement of_run(database,
                           "SELECT batch.uid, method, tier, dataset, dataset_hash, seed, run.config, code_version "
                           "FROM run JOIN batch ON batch.id = run.batch WHERE run.id = ?");
  of_run.bind(1, run);
  of_run.executeStep();
  for (int i = 0; i < of_run.getColumnCount(); ++i) add(hasher, of_run.getColumn(i));
  hasher.text(stage);
  SQLite::Statement scores(
      database,
      "SELECT arm, score.name, value, unit, better, n, low, high, level, interval, protocol.name, protocol.hash, "
      "params "
      "FROM score JOIN protocol ON protocol.id = score.protocol WHERE run = ? AND stage = ? ORDER BY score.id");
  scores.bind(1, run);
  scores.bind(2, stage);
  while (scores.executeStep())
    for (int i = 0; i < scores.getColumnCount(); ++i) add(hasher, scores.getColumn(i));
  return hasher.hex();
}

void append(SQLite::Database& database, RowId run, const std::string& stage) {
  SQLite::Statement last(database, "SELECT hash FROM seal ORDER BY id DESC LIMIT 1");
  const std::string before = last.executeStep() ? last.getColumn(0).getString() : std::string();
  last.reset();
  SQLite::Statement write(database, "INSERT INTO seal (run, stage, hash) VALUES (?, ?, ?)");
  write.bind(1, run);
  write.bind(2, stage);
  write.bind(3, hash_of(database, run, stage, before));
  write.exec();
}

void renew(SQLite::Database& database) {
  SQLite::Statement write(database, "UPDATE seal SET hash = ? WHERE id = ?");
  std::string before;
  for (const Seal& seal : chain_of(database)) {
    before = hash_of(database, seal.run, seal.stage, before);
    write.reset();
    write.bind(1, before);
    write.bind(2, seal.id);
    write.exec();
  }
}

Check check(SQLite::Database& database) {
  Check result;
  std::string before;
  for (const Seal& seal : chain_of(database)) {
    if (hash_of(database, seal.run, seal.stage, before) != seal.hash) result.broken.push_back({seal.run, seal.stage});
    before = seal.hash;  // so that one change breaks one seal
    ++result.sealed;
  }
  result.unsealed = database
                        .execAndGet(
                            "SELECT count(*) FROM stage WHERE NOT EXISTS "
                            "(SELECT 1 FROM seal WHERE seal.run = stage.run AND seal.stage = stage.name)")
                        .getInt64();
  return result;
}

}  // namespace assay::seals
