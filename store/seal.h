#pragma once
#include <SQLiteCpp/SQLiteCpp.h>

#include <string>
#include <vector>

#include "store/rows.h"

/// Stages are sealed by a chain of hashes over their scores: each hash is of the one before it, of the run and of every
/// score of its stage, so that a row that was edited, added or deleted later no longer fits. Content ids are not
/// cryptographic and no secret is in them: the chain shows a change, not who would forge the hashes as well.
namespace assay::seals {

/// The hash of a stage that follows the seal `before`, which is empty for the first one. Keys of rows are not in it.
/// Throws SQLite::Exception.
std::string hash_of(SQLite::Database& database, RowId run, const std::string& stage, const std::string& before);

/// Seals a stage after the last seal, within the caller's transaction. Throws SQLite::Exception.
void append(SQLite::Database& database, RowId run, const std::string& stage);

/// Makes all seals anew in their order, within the caller's transaction: for what removes or adds whole batches.
void renew(SQLite::Database& database);

/// Stages whose scores no longer fit their seal, in the order of the chain.
struct Broken {
  RowId run = 0;
  std::string stage;
};
struct Check {
  std::vector<Broken> broken;
  std::int64_t sealed = 0;    // stages with a seal
  std::int64_t unsealed = 0;  // finished stages without one, of versions before 3
};
Check check(SQLite::Database& database);

}  // namespace assay::seals
