#include "store/prune.h"

#include <fmt/format.h>

#include <set>

#include "core/error.h"
#include "store/artifact_place.h"
#include "store/seal.h"
#include "store/sql.h"

namespace assay {
namespace {

constexpr const char* choose_batches =
    "CREATE TEMP TABLE pruned_batch AS SELECT id FROM batch "
    "WHERE id NOT IN (SELECT id FROM batch ORDER BY created_at DESC, id DESC LIMIT ?) "
    "AND id NOT IN (SELECT batch FROM baseline)";
constexpr const char* of_them = "IN (SELECT id FROM run WHERE batch IN (SELECT id FROM pruned_batch))";

std::int64_t count(SQLite::Database& database, const std::string& from) {
  return database.execAndGet("SELECT count(*) FROM " + from).getInt64();
}

/// Files of runs that no row outside the pruned batches names, in the folder of the store.
std::set<std::string> files_of(SQLite::Database& database) {
  SQLite::Statement read(database,
                         fmt::format("SELECT path FROM artifact WHERE run {0} AND path LIKE 'artifacts/%' EXCEPT "
                                     "SELECT path FROM artifact WHERE run NOT {0}",
                                     of_them));
  std::set<std::string> files;
  while (read.executeStep()) {
    std::string path = read.getColumn(0).getString();
    if (lies_in_store_folder(path)) files.insert(std::move(path));
  }
  return files;
}

}  // namespace

Pruned prune_store(Store& store, const PruneRequest& request) {
  return sql::guarded(store, [&] {
    SQLite::Database& database = store.database();
    if (request.whole && !seals::check(database).broken.empty())
      throw InputError(
          fmt::format("{}: has scores that were changed after they were recorded; `assay store check` names "
                      "them, and pruning would hide them",
                      store.path().string()));
    database.exec("DROP TABLE IF EXISTS temp.pruned_batch");
    SQLite::Statement choose(database, choose_batches);
    choose.bind(1, request.keep);
    choose.exec();
    choose.reset();
    Pruned pruned;
    std::set<std::string> files;
    {
      SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
      pruned.batches = count(database, "pruned_batch");
      pruned.samples = count(database, fmt::format("sample WHERE run {}", of_them));
      pruned.artifacts = count(database, fmt::format("artifact WHERE run {}", of_them));
      files = files_of(database);
      if (!request.dry_run) {
        if (request.whole) {
          database.exec("DELETE FROM batch WHERE id IN (SELECT id FROM pruned_batch)");
          seals::renew(database);
        } else {
          database.exec(fmt::format("DELETE FROM sample WHERE run {0}; DELETE FROM artifact WHERE run {0}", of_them));
        }
      }
      transaction.commit();
    }
    for (const std::string& name : files) {
      const std::filesystem::path file = store.folder() / name;
      std::error_code fault;
      const auto bytes = std::filesystem::file_size(file, fault);
      if (fault) continue;
      ++pruned.files;
      pruned.bytes += static_cast<std::int64_t>(bytes);
      if (request.dry_run) continue;
      std::filesystem::remove(file, fault);
      // An emptied folder of a run goes too; one that holds something else does not.
      std::filesystem::remove(file.parent_path(), fault);
    }
    database.exec("DROP TABLE temp.pruned_batch");
    if (!request.dry_run) database.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    return pruned;
  });
}

}  // namespace assay
