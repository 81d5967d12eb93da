#include "store/migrations.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <array>

#include "core/error.h"

namespace assay {
namespace {

int version_of(SQLite::Database& database) { return database.execAndGet("PRAGMA user_version").getInt(); }

}  // namespace

std::span<const Migration> migrations() {
  static const std::array<Migration, 4> steps{
      {{1, schema_sql}, {2, migration_2_sql}, {3, migration_3_sql}, {4, migration_4_sql}}};
  return steps;
}

void migrate(SQLite::Database& database, std::span<const Migration> steps, const std::string& where) {
  const int target = steps.back().version;
  if (version_of(database) == target) return;
  try {
    // IMMEDIATE: of two processes that open a new file at once, the second waits here and finds the work done.
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    const int version = version_of(database);
    if (version > target)
      throw InputError(fmt::format("{}: has schema version {}; this build reads up to version {}, use a newer assay",
                                   where, version, target));
    for (const Migration& step : steps)
      if (step.version > version) database.exec(step.sql);
    database.exec(fmt::format("PRAGMA application_id = {}", application_id));
    database.exec(fmt::format("PRAGMA user_version = {}", target));
    transaction.commit();
  } catch (const SQLite::Exception& error) {
    throw Error(fmt::format("{}: cannot bring the schema to version {}: {}", where, target, error.what()));
  }
}

}  // namespace assay
