#pragma once
#include <filesystem>
#include <memory>

namespace SQLite {
class Database;
}

namespace assay {

/// An open SQLite file of results: WAL, 10 s busy timeout, foreign keys on, the schema of store/schema.sql.
/// One process may write while others read. An object serves one thread at a time.
///
/// Opening throws InputError when the file is not SQLite, belongs to another program, has a newer schema than this
/// build knows, or its folder or file does not permit what was asked.
class Store {
 public:
  /// For writing; makes the file and its folder when absent, and brings an older schema up to date.
  static Store open_or_create(const std::filesystem::path& file);
  /// For writing, of a file that exists.
  static Store open(const std::filesystem::path& file);
  /// For reading; works in a read-only folder too. A file with an older schema is brought up to date first, which is
  /// refused where it cannot be written.
  static Store read_only(const std::filesystem::path& file);

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  const std::filesystem::path& path() const { return path_; }
  /// The folder that artifact paths are relative to.
  std::filesystem::path folder() const;
  bool writable() const { return writable_; }

  /// For Recorder and Query.
  SQLite::Database& database() const { return *database_; }

 private:
  Store(std::filesystem::path path, std::unique_ptr<SQLite::Database> database, bool writable);

  std::filesystem::path path_;
  std::unique_ptr<SQLite::Database> database_;
  bool writable_;
};

}  // namespace assay
