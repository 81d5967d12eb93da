#include "store/check.h"

#include <fmt/format.h>

#include "core/hash.h"
#include "store/artifact_place.h"
#include "store/query.h"
#include "store/seal.h"
#include "store/sql.h"

namespace assay {
namespace {

void check_file(const Store& store, StoreCheck& result) {
  SQLite::Statement integrity(store.database(), "PRAGMA integrity_check(20)");
  while (integrity.executeStep()) {
    const std::string line = integrity.getColumn(0).getString();
    if (line != "ok") result.problems.push_back("damaged: " + line);
  }
  SQLite::Statement keys(store.database(), "PRAGMA foreign_key_check");
  while (keys.executeStep())
    result.problems.push_back(fmt::format("a row of {} (rowid {}) refers to a row of {} that is not there",
                                          keys.getColumn(0).getString(), keys.getColumn(1).getString(),
                                          keys.getColumn(2).getString()));
}

void check_seals(const Store& store, StoreCheck& result) {
  const seals::Check found = seals::check(store.database());
  result.sealed = found.sealed;
  result.unsealed = found.unsealed;
  for (const seals::Broken& broken : found.broken)
    result.problems.push_back(
        fmt::format("scores of run {}, stage {}, or the stage before it, are no longer what was recorded", broken.run,
                    broken.stage));
}

void check_artifacts(const Store& store, StoreCheck& result) {
  for (const ArtifactRow& artifact : Query(store).artifacts()) {
    if (!lies_in_store_folder(artifact.path)) {
      result.problems.push_back(fmt::format("{} of run {} does not lie in the store's folder, and was not read",
                                            artifact.path, artifact.run));
      continue;
    }
    const std::filesystem::path file = store.folder() / artifact.path;
    ++result.files;
    std::error_code fault;
    if (!std::filesystem::is_regular_file(file, fault))
      result.problems.push_back(fmt::format("{} of run {} is gone", artifact.path, artifact.run));
    else if (hash_file(file) != artifact.hash)
      result.problems.push_back(
          fmt::format("{} of run {} is another file than was recorded", artifact.path, artifact.run));
  }
}

}  // namespace

StoreCheck check_store(const Store& store, bool files) {
  return sql::guarded(store, [&] {
    const SQLite::Transaction moment(store.database());
    StoreCheck result;
    check_file(store, result);
    check_seals(store, result);
    if (files) check_artifacts(store, result);
    return result;
  });
}

}  // namespace assay
