#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "store/store.h"
#include "tests/end_to_end/program.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using test::Outcome;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Outcome assay_command(const std::vector<std::string>& arguments) { return test::run_program(ASSAY_BINARY, arguments); }

/// Exit code 2, one line on standard error that starts with the program's name, nothing on standard output.
/// Returns that line.
std::string refusal(const std::vector<std::string>& arguments) {
  const Outcome outcome = assay_command(arguments);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(StartsWith("assay: "), EndsWith("\n")));
  return outcome.err;
}

/// As `refusal`, of a smoke run; whatever is refused before it starts leaves no store behind.
std::string refused_run(std::vector<std::string> arguments) {
  const TemporaryFolder folder;
  const auto store = folder / "assay.db";
  arguments.insert(arguments.begin(), "run");
  arguments.insert(arguments.end(), {"--store", store.string()});
  std::string line = refusal(arguments);
  EXPECT_FALSE(std::filesystem::exists(store)) << "refused, and yet a store was made";
  return line;
}

std::string refused_store(const std::filesystem::path& store) {
  return refusal({"run", "self_guided", "--tier", "smoke", "--store", store.string()});
}

TEST(BadInput, UnknownMethodNamesTheNearest) {
  EXPECT_THAT(refused_run({"self_guide"}), AllOf(HasSubstr("'self_guide'"), HasSubstr("self_guided")));
  EXPECT_THAT(refused_run({}), HasSubstr("no method"));
}

TEST(BadInput, UnknownTierNamesTheTiers) {
  EXPECT_THAT(refused_run({"self_guided", "--tier", "smoky"}),
              AllOf(HasSubstr("'smoky'"), HasSubstr("smoke"), HasSubstr("mini")));
}

TEST(BadInput, UnknownKeyNamesTheNearest) {
  EXPECT_THAT(refused_run({"self_guided", "--set", "train.stepz=3"}),
              AllOf(HasSubstr("'stepz'"), HasSubstr("'steps'")));
  EXPECT_THAT(refused_run({"self_guided", "--set", "trian.steps=3"}),
              AllOf(HasSubstr("'trian'"), HasSubstr("'train'")));
  EXPECT_THAT(refused_run({"self_guided", "--set", "train.steps"}), HasSubstr("key=value"));
}

TEST(BadInput, ValueOutOfRangeNamesTheRange) {
  EXPECT_THAT(refused_run({"self_guided", "--set", "train.steps=0"}),
              AllOf(HasSubstr("train.steps"), HasSubstr("at least 1")));
  EXPECT_THAT(refused_run({"self_guided", "--set", "train.steps=many"}), HasSubstr("train.steps"));
}

TEST(BadInput, ASettingWithoutItsOwnOptionSaysWhereItGoes) {
  EXPECT_THAT(refused_run({"self_guided", "--set", "train.steps=5", "train.batch=2"}),
              HasSubstr("'train.batch=2': is no method; each setting needs a --set of its own: --set train.batch=2"));
}

TEST(BadInput, UnknownDatasetNamesTheDatasets) {
  EXPECT_THAT(refused_run({"self_guided", "--dataset", "cifar"}),
              AllOf(HasSubstr("'cifar'"), HasSubstr("emoji"), HasSubstr("shapes")));
  EXPECT_THAT(refusal({"dataset", "info", "cifar"}), HasSubstr("'cifar'"));
}

TEST(BadInput, ANetworkThatWasTrainedOtherwiseNamesTheSettingAndBothValues) {
  EXPECT_THAT(refused_run({"self_guided", "--tier", "long", "--set", "pretrained=emoji15"}),
              HasSubstr("pretrained: unknown network 'emoji15'; did you mean 'emoji16'?"));
  EXPECT_THAT(refused_run({"self_guided", "--tier", "long", "--set", "pretrained=emoji16", "--set", "train.steps=7"}),
              HasSubstr("pretrained: emoji16 was made with train.steps = 30000, not 7; accepted: that, or no"));
  EXPECT_THAT(refused_run({"self_guided", "--tier", "long", "--set", "pretrained=emoji16", "--dataset", "shapes"}),
              HasSubstr("emoji16 was made with dataset."));
}

TEST(BadInput, SeedsMustBeACountOrAList) {
  for (const char* seeds : {"", "0", "two", "1,1"}) {
    SCOPED_TRACE(seeds);
    EXPECT_THAT(refused_run({"self_guided", "--seeds", seeds}), HasSubstr("--seeds"));
  }
}

TEST(BadInput, UnknownDeviceNamesTheDevices) {
  EXPECT_THAT(refused_run({"self_guided", "--device", "gpu"}), AllOf(HasSubstr("'gpu'"), HasSubstr("cuda")));
}

TEST(BadInput, UnknownCommandAndOptionPointToHelp) {
  EXPECT_THAT(refusal({"runn"}), HasSubstr("--help"));
  EXPECT_THAT(refusal({}), HasSubstr("--help"));
  EXPECT_THAT(refusal({"run", "self_guided", "--speed", "9"}), HasSubstr("--speed"));
  EXPECT_THAT(refusal({"run", "self_guided", "--seeds"}), HasSubstr("--seeds"));
  EXPECT_THAT(refusal({"list", "metods"}), AllOf(HasSubstr("'metods'"), HasSubstr("'methods'")));
}

TEST(BadInput, FileThatIsNotSqliteIsLeftAlone) {
  const TemporaryFolder folder;
  const std::string text = "a letter to a friend, not a table of results\n";
  const auto file = folder.file("letter.txt", text);
  EXPECT_THAT(refused_store(file), AllOf(HasSubstr(file.string()), HasSubstr("SQLite")));
  EXPECT_THAT(refusal({"report", "--store", file.string(), "--out", (folder / "report").string()}),
              HasSubstr("SQLite"));
  EXPECT_EQ(std::filesystem::file_size(file), text.size());
}

TEST(BadInput, StoreOfANewerSchemaIsLeftAlone) {
  const TemporaryFolder folder;
  const auto file = folder / "assay.db";
  {
    const Store store = Store::open_or_create(file);
    store.database().exec("PRAGMA user_version = 99");
  }
  EXPECT_THAT(refused_store(file), AllOf(HasSubstr("99"), HasSubstr("newer")));
  EXPECT_THAT(refusal({"report", "--store", file.string(), "--out", (folder / "report").string()}), HasSubstr("99"));
  SQLite::Database database(file.string());
  EXPECT_EQ(database.execAndGet("PRAGMA user_version").getInt(), 99);
}

TEST(BadInput, StoreOfAnotherProgramIsLeftAlone) {
  const TemporaryFolder folder;
  const auto file = folder / "bookmarks.db";
  SQLite::Database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE bookmark (url)");
  EXPECT_THAT(refused_store(file), HasSubstr("another program"));
}

TEST(BadInput, FolderThatCannotBeWrittenIsNamed) {
  // Root passes permission bits, so: a file system on which nobody makes folders, and a file in a folder's place.
  EXPECT_THAT(refused_store("/proc/assay/assay.db"), HasSubstr("/proc/assay"));
  const TemporaryFolder folder;
  const auto file = folder.file("file", "");
  EXPECT_THAT(refused_store(file / "assay.db"), HasSubstr(file.string()));
}

TEST(BadInput, ReportNeedsAStoreWithRuns) {
  const TemporaryFolder folder;
  const auto store = folder / "assay.db";
  const std::vector<std::string> command = {"report", "--store", store.string(), "--out", (folder / "report").string()};
  EXPECT_THAT(refusal(command), HasSubstr(store.string()));
  static_cast<void>(Store::open_or_create(store));
  EXPECT_THAT(refusal(command), HasSubstr("no runs"));
}

TEST(BadInput, ResumeNeedsARecordedRun) {
  const TemporaryFolder folder;
  const auto store = folder / "assay.db";
  EXPECT_THAT(refusal({"run", "--store", store.string(), "--resume", "1"}), HasSubstr(store.string()));
  static_cast<void>(Store::open_or_create(store));
  EXPECT_THAT(refusal({"run", "--store", store.string(), "--resume", "7"}), HasSubstr("7"));
  EXPECT_THAT(refusal({"run", "self_guided", "--store", store.string(), "--resume", "7"}), HasSubstr("--resume"));
}

TEST(BadInput, FontWithoutColourBitmapsIsNamed) {
  const TemporaryFolder folder;
  const auto list = folder.file("emoji-test.txt",
                                "# group: Smileys & Emotion\n# subgroup: face-smiling\n"
                                "1F600 ; fully-qualified # \xF0\x9F\x98\x80 E1.0 grinning face\n");
  const std::string font = std::string(ASSAY_TEST_DATA) + "/fonts/outline.ttf";
  const std::vector<std::string> settings = {"--set", "font=" + font, "--set", "emoji_list=" + list.string()};
  std::vector<std::string> command = {"dataset", "info", "emoji"};
  command.insert(command.end(), settings.begin(), settings.end());
  EXPECT_THAT(refusal(command), AllOf(HasSubstr(font), HasSubstr("colour bitmap")));
}

TEST(BadInput, RunOnAFontWithoutColourBitmapsRecordsNothing) {
  const std::string font = std::string(ASSAY_TEST_DATA) + "/fonts/outline.ttf";
  EXPECT_THAT(refused_run({"self_guided", "--dataset", "emoji", "--set", "dataset.font=" + font}), HasSubstr("font"));
}

}  // namespace
}  // namespace assay
