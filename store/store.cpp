#include "store/store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "core/error.h"
#include "core/file.h"
#include "store/migrations.h"

namespace assay {
namespace {

constexpr int busy_timeout_ms = 10000;

/// Throws unless the file starts as SQLite files do. An empty file is one too: SQLite makes it so.
void check_header(const std::filesystem::path& file) {
  std::error_code code;
  if (std::filesystem::is_directory(file, code))
    throw InputError(fmt::format("{}: is a folder, expected a store file", file.string()));
  std::ifstream in(file, std::ios::binary);
  if (!in) throw InputError(fmt::format("{}: cannot be read", file.string()));
  std::string head(16, '\0');
  in.read(head.data(), 16);
  if (in.gcount() == 0) return;
  if (in.gcount() < 16 || head != std::string("SQLite format 3\0", 16))
    throw InputError(fmt::format("{}: is not a SQLite file, expected a store written by assay", file.string()));
}

/// Throws when the tables in the file are not ours.
void check_owner(SQLite::Database& database, const std::filesystem::path& file) {
  // One transaction, so that both answers are of one moment: another process may just be making this store.
  const SQLite::Transaction moment(database);
  const int id = database.execAndGet("PRAGMA application_id").getInt();
  const bool has_tables = database.execAndGet("SELECT count(*) FROM sqlite_master").getInt() > 0;
  if (id == application_id || (id == 0 && !has_tables)) return;
  throw InputError(
      fmt::format("{}: is a SQLite file of another program, expected a store written by assay", file.string()));
}

/// Rewords what SQLite reports about a file that cannot be used.
[[noreturn]] void rethrow(const std::filesystem::path& file, const SQLite::Exception& error, bool writing) {
  const int code = error.getErrorCode();
  if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
    throw InputError(fmt::format("{}: is damaged or not a SQLite file: {}", file.string(), error.what()));
  if (code == SQLITE_CANTOPEN || code == SQLITE_READONLY || code == SQLITE_PERM)
    throw InputError(fmt::format("{}: cannot be {}: {}; the file and its folder must permit it", file.string(),
                                 writing ? "written" : "read", error.what()));
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
    throw Error(fmt::format("{}: another process kept it locked for {} s", file.string(), busy_timeout_ms / 1000));
  throw Error(fmt::format("{}: {}", file.string(), error.what()));
}

/// SQLite does not wait for its busy timeout while the journal mode changes, so two processes that make one file at
/// the same time need this loop.
void switch_to_wal(SQLite::Database& database, const std::filesystem::path& file) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(busy_timeout_ms);
  while (true) {
    try {
      const std::string mode = database.execAndGet("PRAGMA journal_mode = WAL").getString();
      if (mode == "wal") return;
      throw InputError(
          fmt::format("{}: this file system does not permit SQLite's WAL mode (it stays '{}'); choose a "
                      "local folder",
                      file.string(), mode));
    } catch (const SQLite::Exception& error) {
      if (error.getErrorCode() != SQLITE_BUSY || std::chrono::steady_clock::now() > deadline) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
}

std::unique_ptr<SQLite::Database> open_for_writing(const std::filesystem::path& file, int flags) {
  try {
    auto database = std::make_unique<SQLite::Database>(file.string(), flags, busy_timeout_ms);
    // SQLite falls back to reading when the file is write protected, without a word.
    if (sqlite3_db_readonly(database->getHandle(), "main") == 1)
      throw InputError(fmt::format("{}: is read-only, a store that can be written is needed", file.string()));
    check_owner(*database, file);
    const int version = database->execAndGet("PRAGMA user_version").getInt();
    const int known = migrations().back().version;
    if (version > known)
      throw InputError(fmt::format("{}: has schema version {}; this build reads up to version {}, use a newer assay",
                                   file.string(), version, known));
    switch_to_wal(*database, file);
    // FULL: a stage reported as done survives a power cut too; one commit a stage makes it cheap.
    database->exec("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    migrate(*database, migrations(), file.string());
    // Shows now, not after an hour of training, that the WAL file beside it can be made.
    SQLite::Transaction probe(*database, SQLite::TransactionBehavior::IMMEDIATE);
    return database;
  } catch (const SQLite::Exception& error) {
    rethrow(file, error, true);
  }
}

}  // namespace

Store::Store(std::filesystem::path path, std::unique_ptr<SQLite::Database> database, bool writable)
    : path_(std::move(path)), database_(std::move(database)), writable_(writable) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

std::filesystem::path Store::folder() const {
  const std::filesystem::path parent = path_.parent_path();
  return parent.empty() ? std::filesystem::path(".") : parent;
}

Store Store::open_or_create(const std::filesystem::path& file) {
  if (std::filesystem::exists(file)) return open(file);
  ensure_folder(file.has_parent_path() ? file.parent_path() : std::filesystem::path("."));
  return {file, open_for_writing(file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE), true};
}

Store Store::open(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) throw InputError(fmt::format("{}: no such store", file.string()));
  check_header(file);
  return {file, open_for_writing(file, SQLite::OPEN_READWRITE), true};
}

Store Store::read_only(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) throw InputError(fmt::format("{}: no such store", file.string()));
  check_header(file);
  const auto attempt = [&file](const std::string& name, int flags) {
    auto database = std::make_unique<SQLite::Database>(name, flags, busy_timeout_ms);
    check_owner(*database, file);
    return database;
  };
  try {
    std::unique_ptr<SQLite::Database> database;
    try {
      database = attempt(file.string(), SQLite::OPEN_READONLY);
    } catch (const SQLite::Exception& error) {
      // A WAL file needs a shared-memory file beside it; where that cannot be made, nobody can be writing either.
      std::error_code code;
      const std::filesystem::path wal = file.string() + "-wal";
      const bool pending = std::filesystem::exists(wal, code) && std::filesystem::file_size(wal, code) > 0;
      if (pending || (error.getErrorCode() != SQLITE_CANTOPEN && error.getErrorCode() != SQLITE_READONLY)) throw;
      std::string escaped;
      for (const char c : std::filesystem::absolute(file).string()) {
        if (c == '?' || c == '#' || c == '%')
          escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        else
          escaped += c;
      }
      database = attempt("file:" + escaped + "?immutable=1", SQLite::OPEN_READONLY | SQLite::OPEN_URI);
    }
    const int version = database->execAndGet("PRAGMA user_version").getInt();
    const int known = migrations().back().version;
    if (version > known)
      throw InputError(fmt::format("{}: has schema version {}; this build reads up to version {}, use a newer assay",
                                   file.string(), version, known));
    if (version == 0) throw InputError(fmt::format("{}: holds no results yet", file.string()));
    if (version < known) {
      database.reset();
      try {
        open(file);
      } catch (const InputError& error) {
        throw InputError(
            fmt::format("{}; it has schema version {} and must be brought to version {} once, by any "
                        "command of a user who may write it",
                        error.what(), version, known));
      }
      database = attempt(file.string(), SQLite::OPEN_READONLY);
    }
    return {file, std::move(database), false};
  } catch (const SQLite::Exception& error) {
    rethrow(file, error, false);
  }
}

}  // namespace assay
