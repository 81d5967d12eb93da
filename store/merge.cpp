#include "store/merge.h"

#include <fmt/format.h>

#include <map>

#include "core/error.h"
#include "core/file.h"
#include "core/phrases.h"
#include "store/artifact_place.h"
#include "store/seal.h"
#include "store/sql.h"

namespace assay {
namespace {

/// A table whose rows are taken over, and which of its columns are keys of which table. `rows` says which of the other
/// store's belong to new batches. Parents stand before what refers to them.
struct MergedTable {
  const char* name;
  std::map<std::string, const char*> keys;  // column: table whose keys it holds
  const char* rows;
};

const std::vector<MergedTable>& merged_tables() {
  static const char* const of_batch = "batch IN (SELECT id FROM temp.new_batch)";
  static const char* const of_run = "run IN (SELECT id FROM other.run WHERE batch IN (SELECT id FROM temp.new_batch))";
  static const std::vector<MergedTable> tables = {
      {"batch", {{"id", "batch"}}, "id IN (SELECT id FROM temp.new_batch)"},
      {"run", {{"id", "run"}, {"batch", "batch"}}, of_batch},
      {"stage", {{"run", "run"}}, of_run},
      {"score", {{"id", "score"}, {"run", "run"}, {"protocol", "protocol"}}, of_run},
      {"timing", {{"id", "timing"}, {"batch", "batch"}, {"run", "run"}}, of_batch},
      {"sample", {{"id", "sample"}, {"run", "run"}, {"score", "score"}, {"timing", "timing"}}, of_run},
      {"comparison", {{"id", "comparison"}, {"batch", "batch"}, {"protocol", "protocol"}}, of_batch},
      {"claim", {{"id", "claim"}, {"batch", "batch"}}, of_batch},
      {"published", {{"id", "published"}, {"batch", "batch"}}, of_batch},
      {"artifact", {{"id", "artifact"}, {"run", "run"}}, of_run},
      {"note", {{"id", "note"}, {"batch", "batch"}, {"run", "run"}}, of_batch},
      {"baseline", {{"id", "baseline"}, {"batch", "batch"}}, of_batch},
  };
  return tables;
}

std::vector<std::string> columns_of(SQLite::Database& database, const char* table) {
  SQLite::Statement read(database, "SELECT name FROM pragma_table_info(?)");
  read.bind(1, std::string(table));
  std::vector<std::string> names;
  while (read.executeStep()) names.push_back(read.getColumn(0).getString());
  return names;
}

/// Keys of the other store lie behind all of ours, by table.
std::map<std::string, std::int64_t> offsets_of(SQLite::Database& database) {
  std::map<std::string, std::int64_t> offsets;
  for (const MergedTable& table : merged_tables())
    if (table.keys.contains("id"))
      offsets[table.name] =
          database.execAndGet(fmt::format("SELECT ifnull(max(id), 0) FROM main.{}", table.name)).getInt64();
  return offsets;
}

/// One statement that copies the rows of a table with their new keys. Returns how many.
std::int64_t copy(SQLite::Database& database, const MergedTable& table,
                  const std::map<std::string, std::int64_t>& offsets) {
  std::string names, values;
  for (const std::string& column : columns_of(database, table.name)) {
    names += (names.empty() ? "" : ", ") + column;
    const auto key = table.keys.find(column);
    std::string value = column;
    if (key != table.keys.end())
      value = std::string(key->second) == "protocol"
                  ? fmt::format("(SELECT ours FROM temp.same_protocol WHERE theirs = {})", column)
                  : fmt::format("{} + {}", column, offsets.at(key->second));
    values += (values.empty() ? "" : ", ") + value;
  }
  return database.exec(fmt::format("INSERT INTO main.{} ({}) SELECT {} FROM other.{} WHERE {}{}", table.name, names,
                                   values, table.name, table.rows, table.keys.contains("id") ? " ORDER BY id" : ""));
}

/// Which batches are new, which protocols are the same, and what to say of the rest. Within the caller's transaction.
void prepare(SQLite::Database& database, const std::filesystem::path& from, Merged& merged) {
  database.exec(
      "CREATE TEMP TABLE new_batch AS SELECT id FROM other.batch WHERE uid NOT IN (SELECT uid FROM main.batch);"
      "INSERT INTO main.protocol (name, hash, description, origin, choices) "
      "  SELECT name, hash, description, origin, choices FROM other.protocol WHERE id IN "
      "  (SELECT protocol FROM other.score JOIN other.run ON run.id = score.run WHERE batch IN (SELECT id FROM "
      "new_batch) "
      "   UNION SELECT protocol FROM other.comparison WHERE batch IN (SELECT id FROM new_batch)) "
      "  ON CONFLICT (name, hash) DO NOTHING;"
      "CREATE TEMP TABLE same_protocol AS SELECT theirs.id AS theirs, ours.id AS ours FROM other.protocol AS theirs "
      "  JOIN main.protocol AS ours ON ours.name = theirs.name AND ours.hash = theirs.hash;"
      "CREATE UNIQUE INDEX temp.same_protocol_theirs ON same_protocol(theirs)");
  merged.known =
      database.execAndGet("SELECT count(*) FROM other.batch WHERE id NOT IN (SELECT id FROM new_batch)").getInt64();
  SQLite::Statement differing(
      database,
      "SELECT theirs.id, ours.id FROM other.batch AS theirs JOIN main.batch AS ours ON ours.uid = theirs.uid WHERE "
      "(SELECT count(*) FROM other.stage JOIN other.run ON run.id = stage.run WHERE run.batch = theirs.id) > "
      "(SELECT count(*) FROM main.stage JOIN main.run ON run.id = stage.run WHERE run.batch = ours.id)");
  while (differing.executeStep())
    merged.notes.push_back(
        fmt::format("batch {} of {} has more stages than its copy, batch {} here, which stays as it is",
                    differing.getColumn(0).getInt64(), from.string(), differing.getColumn(1).getInt64()));
  const std::int64_t loose = database.execAndGet("SELECT count(*) FROM other.timing WHERE batch IS NULL").getInt64();
  if (loose > 0)
    merged.notes.push_back(fmt::format("{} of no batch stay in {}", counted(loose, "timing"), from.string()));
}

/// A file that a merged artifact names, in the folder of the other store and of ours.
struct CopiedFile {
  std::string from, to;
};

/// Paths below artifacts/run-N follow their run. Within the caller's transaction.
std::vector<CopiedFile> rename_artifacts(SQLite::Database& database, std::int64_t first_new, std::int64_t run_offset) {
  SQLite::Statement read(database, "SELECT id, run, path FROM main.artifact WHERE id > ?");
  read.bind(1, first_new);
  SQLite::Statement write(database, "UPDATE main.artifact SET path = ? WHERE id = ?");
  std::vector<CopiedFile> files;
  while (read.executeStep()) {
    const std::int64_t run = read.getColumn(1).getInt64();
    const std::string path = read.getColumn(2).getString();
    const std::string old_folder = fmt::format("artifacts/run-{}/", run - run_offset);
    std::string renamed = path;
    if (path.starts_with(old_folder)) renamed = fmt::format("artifacts/run-{}/{}", run, path.substr(old_folder.size()));
    files.push_back({path, renamed});
    if (renamed == path) continue;
    write.reset();
    write.bind(1, renamed);
    write.bind(2, read.getColumn(0).getInt64());
    write.exec();
  }
  return files;
}

/// Seals, behind ours, the stages that were sealed there. Within the caller's transaction.
void seal_again(SQLite::Database& database, std::int64_t run_offset) {
  SQLite::Statement sealed(database,
                           "SELECT run, stage FROM other.seal WHERE run IN (SELECT id FROM other.run WHERE batch "
                           "IN (SELECT id FROM temp.new_batch)) ORDER BY id");
  while (sealed.executeStep())
    seals::append(database, sealed.getColumn(0).getInt64() + run_offset, sealed.getColumn(1).getString());
}

void copy_files(const std::vector<CopiedFile>& files, const std::filesystem::path& from,
                const std::filesystem::path& to, Merged& merged) {
  std::int64_t gone = 0, outside = 0;
  for (const CopiedFile& file : files) {
    if (!lies_in_store_folder(file.from) || !lies_in_store_folder(file.to)) {
      ++outside;
      continue;
    }
    const std::filesystem::path source = from / file.from, target = to / file.to;
    std::error_code fault;
    if (!std::filesystem::is_regular_file(source, fault)) {
      ++gone;
      continue;
    }
    // What lies outside the folder of a run is named by its content.
    if (file.from == file.to && std::filesystem::exists(target, fault)) continue;
    ensure_folder(target.parent_path());
    std::filesystem::copy_file(source, target, std::filesystem::copy_options::overwrite_existing, fault);
    if (fault)
      throw Error(fmt::format("{}: cannot be copied to {}: {}", source.string(), target.string(), fault.message()));
    ++merged.files;
  }
  if (gone > 0)
    merged.notes.push_back(
        fmt::format("{} of {} are gone there", counted(gone, "artifact"), (from / "artifacts").string()));
  if (outside > 0)
    merged.notes.push_back(fmt::format("{} named by {} lie outside that folder, and were not copied",
                                       counted(outside, "file"), from.string()));
}

/// Another store beside ours for as long as the object lives.
class Attached {
 public:
  Attached(SQLite::Database& database, const std::filesystem::path& file) : database_(database) {
    SQLite::Statement attach(database, "ATTACH ? AS other");
    attach.bind(1, file.string());
    attach.exec();
  }
  ~Attached() {
    database_.tryExec("DROP TABLE IF EXISTS temp.new_batch; DROP TABLE IF EXISTS temp.same_protocol; DETACH other");
  }
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;

 private:
  SQLite::Database& database_;
};

}  // namespace

Merged merge_store(Store& into, const std::filesystem::path& from) {
  std::error_code fault;
  if (std::filesystem::equivalent(into.path(), from, fault))
    throw InputError(fmt::format("{}: is the store that is merged into", from.string()));
  std::filesystem::path folder;
  {
    const Store other = Store::read_only(from);  // brings an older schema up to date
    folder = other.folder();
    if (const auto broken = seals::check(other.database()).broken; !broken.empty())
      throw InputError(
          fmt::format("{}: scores of run {}, stage {}, were changed after they were recorded; `assay store "
                      "check` names all such stages",
                      from.string(), broken.front().run, broken.front().stage));
  }
  return sql::guarded(into, [&] {
    SQLite::Database& database = into.database();
    const Attached attached(database, from);
    Merged merged;
    std::vector<CopiedFile> files;
    {
      SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
      prepare(database, from, merged);
      const std::map<std::string, std::int64_t> offsets = offsets_of(database);
      std::map<std::string, std::int64_t> copied;
      for (const MergedTable& table : merged_tables()) copied[table.name] = copy(database, table, offsets);
      merged.batches = copied["batch"];
      merged.runs = copied["run"];
      merged.scores = copied["score"];
      merged.timings = copied["timing"];
      files = rename_artifacts(database, offsets.at("artifact"), offsets.at("run"));
      seal_again(database, offsets.at("run"));
      // Before the rows are there for good: without its files a merge can be repeated.
      copy_files(files, folder, into.folder(), merged);
      transaction.commit();
    }
    return merged;
  });
}

}  // namespace assay
