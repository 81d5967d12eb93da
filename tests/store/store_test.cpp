#include "store/store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>

#include "core/error.h"
#include "core/file.h"
#include "store/migrations.h"
#include "store/query.h"
#include "store/recorder.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

/// The message of the InputError that `action` must throw.
template <class Action>
std::string refusal(Action&& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

void execute(const std::filesystem::path& file, const std::string& sql) {
  SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec(sql);
}

/// Runs `action` in a child without root's power over permissions; true when it threw InputError.
template <class Action>
bool refused_without_privileges(Action&& action) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(3);
    try {
      action();
    } catch (const InputError&) {
      ::_exit(0);
    } catch (...) {
      ::_exit(2);
    }
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(StoreFile, IsMadeWithItsFolderAndSettings) {
  const test::TemporaryFolder folder;
  const std::filesystem::path file = folder / "a/b/results.sqlite";
  const Store store = Store::open_or_create(file);
  SQLite::Database& database = store.database();
  EXPECT_EQ(database.execAndGet("PRAGMA journal_mode").getString(), "wal");
  EXPECT_EQ(database.execAndGet("PRAGMA foreign_keys").getInt(), 1);
  EXPECT_EQ(database.execAndGet("PRAGMA busy_timeout").getInt(), 10000);
  EXPECT_EQ(database.execAndGet("PRAGMA user_version").getInt(), 4);
  EXPECT_EQ(database.execAndGet("PRAGMA application_id").getInt(), 0x41737379);
  EXPECT_EQ(store.folder(), folder / "a/b");
  EXPECT_TRUE(store.writable());
}

TEST(StoreFile, InTheCurrentFolderHasFolderDot) {
  const test::TemporaryFolder folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  EXPECT_EQ(Store::open_or_create("results.sqlite").folder(), ".");
  std::filesystem::current_path(before);
}

TEST(StoreFile, EveryTableIsStrict) {
  const test::TemporaryFolder folder;
  const Store store = Store::open_or_create(folder / "results.sqlite");
  SQLite::Statement query(store.database(),
                          "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%STRICT%'");
  EXPECT_FALSE(query.executeStep()) << query.getColumn(0).getString();
  EXPECT_EQ(store.database().execAndGet("SELECT count(*) FROM sqlite_master WHERE type = 'table'").getInt(), 14);
}

TEST(StoreFile, KeepsItsContentWhenOpenedAgain) {
  const test::TemporaryFolder folder;
  {
    Store store = Store::open_or_create(folder / "results.sqlite");
    BatchRow batch;
    batch.command = "assay run self_guided";
    Recorder(store).begin_batch(batch);
  }
  Store store = Store::open_or_create(folder / "results.sqlite");
  ASSERT_EQ(Query(store).batches().size(), 1U);
  EXPECT_EQ(Query(store).batches()[0].command, "assay run self_guided");
}

TEST(StoreFile, ThatIsNotSqliteIsRefused) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "notes.txt") << "these are my notes, and they are longer than sixteen bytes";
  for (auto open : {Store::open_or_create, Store::open, Store::read_only})
    EXPECT_THAT(refusal([&] { open(folder / "notes.txt"); }), HasSubstr("is not a SQLite file"));
  EXPECT_EQ(read_file(folder / "notes.txt").substr(0, 9), "these are");
}

TEST(StoreFile, ThatIsDamagedIsRefused) {
  const test::TemporaryFolder folder;
  Store::open_or_create(folder / "results.sqlite");
  std::string content = read_file(folder / "results.sqlite");
  for (std::size_t i = 100; i < 4096; ++i) content[i] = static_cast<char>(i * 37);
  std::ofstream(folder / "results.sqlite", std::ios::binary) << content;
  for (auto open : {Store::open_or_create, Store::open, Store::read_only})
    EXPECT_THAT(refusal([&] { open(folder / "results.sqlite"); }), HasSubstr("damaged"));
}

TEST(StoreFile, OfAnotherProgramIsRefused) {
  const test::TemporaryFolder folder;
  execute(folder / "photos.db", "CREATE TABLE photo (name TEXT)");
  execute(folder / "marked.db", "PRAGMA application_id = 77");
  for (const char* name : {"photos.db", "marked.db"})
    for (auto open : {Store::open_or_create, Store::open, Store::read_only})
      EXPECT_THAT(refusal([&] { open(folder / name); }), HasSubstr("another program")) << name;
}

TEST(StoreFile, WithANewerSchemaIsRefusedNamingBothVersions) {
  const test::TemporaryFolder folder;
  Store::open_or_create(folder / "results.sqlite");
  execute(folder / "results.sqlite", "PRAGMA user_version = 7");
  for (auto open : {Store::open_or_create, Store::open, Store::read_only})
    EXPECT_THAT(refusal([&] { open(folder / "results.sqlite"); }),
                HasSubstr("schema version 7; this build reads up to version 4"));
}

TEST(StoreFile, ThatIsMissingIsRefusedUnlessToBeMade) {
  const test::TemporaryFolder folder;
  EXPECT_THAT(refusal([&] { Store::open(folder / "none.sqlite"); }), HasSubstr("no such store"));
  EXPECT_THAT(refusal([&] { Store::read_only(folder / "none.sqlite"); }), HasSubstr("no such store"));
  EXPECT_FALSE(std::filesystem::exists(folder / "none.sqlite"));
}

TEST(StoreFile, ThatIsAFolderIsRefused) {
  const test::TemporaryFolder folder;
  EXPECT_THAT(refusal([&] { Store::open_or_create(folder.path()); }), HasSubstr("is a folder"));
  EXPECT_THAT(refusal([&] { Store::read_only(folder.path()); }), HasSubstr("is a folder"));
}

TEST(StoreFile, ThatIsEmptyBecomesAStoreWhenWrittenAndIsRefusedWhenRead) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "results.sqlite").flush();
  EXPECT_THAT(refusal([&] { Store::read_only(folder / "results.sqlite"); }), HasSubstr("holds no results"));
  EXPECT_TRUE(Store::open_or_create(folder / "results.sqlite").writable());
}

TEST(StoreFile, InAFolderThatNobodyCanWriteIsRefused) {
  EXPECT_THAT(refusal([] { Store::open_or_create("/proc/results.sqlite"); }), HasSubstr("/proc"));
}

TEST(StoreFile, WithoutWritePermissionIsRefused) {
  const test::TemporaryFolder folder;
  Store::open_or_create(folder / "results.sqlite");
  ::chmod(folder.path().c_str(), 0755);
  ::chmod((folder / "results.sqlite").c_str(), 0444);
  EXPECT_TRUE(refused_without_privileges([&] { Store::open(folder / "results.sqlite"); }));

  ::chmod((folder / "results.sqlite").c_str(), 0666);
  ::chmod(folder.path().c_str(), 0555);
  EXPECT_TRUE(refused_without_privileges([&] { Store::open(folder / "results.sqlite"); })) << "read-only folder";
  EXPECT_TRUE(refused_without_privileges([&] { Store::open_or_create(folder / "new.sqlite"); }));
}

TEST(StoreFile, InAReadOnlyFolderCanBeRead) {
  const test::TemporaryFolder folder;
  {
    Store store = Store::open_or_create(folder / "results 100%?#.sqlite");
    Recorder(store).begin_batch({});
  }
  ::chmod((folder / "results 100%?#.sqlite").c_str(), 0444);
  ::chmod(folder.path().c_str(), 0555);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(3);
    try {
      const Store store = Store::read_only(folder / "results 100%?#.sqlite");
      ::_exit(Query(store).batches().size() == 1 ? 0 : 1);
    } catch (...) {
      ::_exit(2);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::chmod(folder.path().c_str(), 0755);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(StoreFile, OpenedByManyProcessesAtOnceIsMadeOnce) {
  const test::TemporaryFolder folder;
  std::array<pid_t, 8> children{};
  for (pid_t& child : children) {
    child = ::fork();
    if (child != 0) continue;
    try {
      Store store = Store::open_or_create(folder / "results.sqlite");
      Recorder(store).begin_batch({});
      ::_exit(0);
    } catch (const std::exception& error) {
      fprintf(stderr, "%s\n", error.what());
      ::_exit(1);
    }
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  EXPECT_EQ(Query(Store::read_only(folder / "results.sqlite")).batches().size(), children.size());
}

TEST(StoreFile, ReadWhileAnotherProcessMakesItIsEmptyOrWhole) {
  const test::TemporaryFolder folder;
  constexpr int stores = 20;
  const auto file = [&folder](int index) { return folder / fmt::format("{}.sqlite", index); };
  const pid_t child = ::fork();
  if (child == 0) {
    for (int index = 0; index < stores; ++index) static_cast<void>(Store::open_or_create(file(index)));
    ::_exit(0);
  }
  // One look lasts some microseconds of the milliseconds that making a store takes, so there are many looks.
  for (int index = 0; index < stores; ++index) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    std::string seen = "not there";
    while (!seen.empty() && std::chrono::steady_clock::now() < deadline) {
      try {
        static_cast<void>(Store::read_only(file(index)));
        seen.clear();
      } catch (const std::exception& error) {
        seen = error.what();
        if (!seen.ends_with("no such store") && !seen.ends_with("holds no results yet")) break;
      }
    }
    EXPECT_EQ(seen, "");
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(Migration, AppliesOnlyTheStepsThatAreMissing) {
  const test::TemporaryFolder folder;
  SQLite::Database database((folder / "a.sqlite").string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  const std::array<Migration, 1> first{{{1, "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)"}}};
  const std::array<Migration, 3> all{{{1, "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)"},
                                      {2, "ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 5"},
                                      {3, "UPDATE a SET x = x + y"}}};
  migrate(database, first, "a");
  migrate(database, all, "a");
  EXPECT_EQ(database.execAndGet("SELECT x FROM a").getInt(), 6);
  EXPECT_EQ(database.execAndGet("PRAGMA user_version").getInt(), 3);
  migrate(database, all, "a");
  EXPECT_EQ(database.execAndGet("SELECT x FROM a").getInt(), 6);
}

/// A store as version 1 of the schema left it, with one comparison.
void make_first_version(const std::filesystem::path& file) {
  SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON");
  migrate(database, migrations().first(1), "first");
  database.exec(
      "INSERT INTO batch (id, command, created_at) VALUES (3, 'assay run', '2026-11-22T12:50:03.000Z');"
      "INSERT INTO run (batch, method, tier, dataset, dataset_hash, seed, code_version, device, status, started_at)"
      "  VALUES (3, 'self_guided', 'mini', 'emoji', '0', 0, '0', 'cpu', 'done', '2026-11-22T12:50:03.000Z');"
      "INSERT INTO protocol (id, name, hash, description, origin, choices) VALUES (5, 'fd-small', 'h', '', '', '{}');"
      "INSERT INTO comparison (id, batch, method, metric, protocol, arm_a, arm_b, params, difference, n_seeds, seeds,"
      "  differences) VALUES (7, 3, 'self_guided', 'fd', 5, 'a', 'b', '{\"w\": 2}', -1.5, 1, '[0]', '[-1.5]')");
}

TEST(Migration, OfAFirstStoreKeepsItsComparisons) {
  const test::TemporaryFolder folder;
  make_first_version(folder / "old.sqlite");
  const Store store = Store::open(folder / "old.sqlite");
  EXPECT_EQ(store.database().execAndGet("PRAGMA user_version").getInt(), 4);
  EXPECT_EQ(store.database().execAndGet("PRAGMA integrity_check").getString(), "ok");
  const std::vector<ComparisonRow> rows = Query(store).comparisons(3);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].id, 7);
  EXPECT_EQ(rows[0].protocol, "fd-small");
  EXPECT_EQ(rows[0].params, (nlohmann::json{{"w", 2}}));
  EXPECT_EQ(rows[0].params_b, nlohmann::json::object());
  EXPECT_EQ(rows[0].difference, -1.5);
  EXPECT_TRUE(Query(store).published().empty());
}

TEST(Migration, HappensWhenAFirstStoreIsRead) {
  const test::TemporaryFolder folder;
  make_first_version(folder / "old.sqlite");
  const Store store = Store::read_only(folder / "old.sqlite");
  EXPECT_FALSE(store.writable());
  EXPECT_EQ(Query(store).comparisons().size(), 1U);
  EXPECT_EQ(store.database().execAndGet("PRAGMA user_version").getInt(), 4);
}

TEST(Migration, OfAFirstStoreThatCannotBeWrittenIsRefused) {
  const test::TemporaryFolder folder;
  make_first_version(folder / "old.sqlite");
  ::chmod((folder / "old.sqlite").c_str(), 0444);
  ::chmod(folder.path().c_str(), 0555);
  EXPECT_TRUE(refused_without_privileges([&] { Store::read_only(folder / "old.sqlite"); }));
  ::chmod(folder.path().c_str(), 0755);
}

TEST(Migration, ThatFailsLeavesTheOldSchema) {
  const test::TemporaryFolder folder;
  SQLite::Database database((folder / "a.sqlite").string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  const std::array<Migration, 1> first{{{1, "CREATE TABLE a (x INTEGER)"}}};
  const std::array<Migration, 3> broken{
      {{1, "CREATE TABLE a (x INTEGER)"}, {2, "CREATE TABLE b (x INTEGER)"}, {3, "INSERT INTO missing VALUES (1)"}}};
  migrate(database, first, "a");
  EXPECT_THROW(migrate(database, broken, "a"), Error);
  EXPECT_EQ(database.execAndGet("PRAGMA user_version").getInt(), 1);
  EXPECT_EQ(database.execAndGet("SELECT count(*) FROM sqlite_master").getInt(), 1);
}

}  // namespace
}  // namespace assay
