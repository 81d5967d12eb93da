#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/file.h"
#include "store/recorder.h"
#include "tests/end_to_end/program.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using nlohmann::json;
using test::Outcome;
using test::Words;
using ::testing::HasSubstr;

/// A store with runs of ed_dpm that a test makes up.
class Tables : public ::testing::Test {
 protected:
  Tables() { recorder.upsert_protocol({0, "fd-small", "", "", "", json::object()}); }

  void batch(const std::string& tier, const std::vector<double>& values, RunStatus status = RunStatus::done) {
    const RowId id = recorder.begin_batch({});
    for (std::size_t seed = 0; seed < values.size(); ++seed) {
      RunRow row;
      row.batch = id;
      row.method = "ed_dpm";
      row.tier = tier;
      row.dataset = "emoji";
      row.seed = static_cast<std::int64_t>(seed);
      const RowId run = recorder.begin_run(row);
      StageRecorder stage = recorder.begin_stage(run, "sample");
      ScoreRow score;
      score.name = score.protocol = "fd-small";
      score.better = Better::lower;
      score.n = 500;
      score.arm = "uncond/g";
      score.params = {{"set", "report"}};
      score.value = values[seed];
      stage.add_score(score);
      stage.commit();
      recorder.finish_run(run, status, status == RunStatus::done ? "" : "out of memory");
    }
  }

  Outcome command(const Words& arguments) const {
    Words words{"tables", "--store", (folder / "assay.db").string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return test::run_program(ASSAY_BINARY, words);
  }

  /// The cell of the first table of ed_dpm.
  json cell(const std::string& row, const std::string& metric, Words arguments = {}) const {
    arguments.insert(arguments.end(), {"ed_dpm", "--json"});
    const Outcome outcome = command(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    const json tables = json::parse(outcome.out);
    for (const json& each : tables.at("tables").at(0).at("cells"))
      if (each.at("row") == row && each.at("metric") == metric) return each;
    ADD_FAILURE() << "no cell " << row << ", " << metric;
    return {};
  }

  test::TemporaryFolder folder;
  Store store = Store::open_or_create(folder / "assay.db");
  Recorder recorder{store};
};

TEST_F(Tables, OfAllFivePapersStandBesideNothingWhereNothingRan) {
  const Outcome outcome = command({"--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json all = json::parse(outcome.out);
  std::set<std::string> methods;
  for (const json& table : all.at("tables")) {
    methods.insert(table.at("method").get<std::string>());
    for (const json& each : table.at("cells")) {
      EXPECT_EQ(each.at("verdict"), "not run");
      EXPECT_TRUE(each.at("ours").is_null());
      // Unknown is null, and nothing printed is 0 by way of being unknown.
      EXPECT_EQ(each.at("published").is_null(), each.at("printed") == "");
    }
  }
  EXPECT_EQ(methods.size(), 5U);
}

TEST_F(Tables, TakeTheHighestTierThatHasAScoreAndSayIt) {
  batch("smoke", {30, 31});
  EXPECT_EQ(cell("UADM(25)-G", "FID").at("tier"), "smoke");
  batch("mini", {20, 21, 22});
  const json mini = cell("UADM(25)-G", "FID");
  EXPECT_EQ(mini.at("tier"), "mini");
  EXPECT_EQ(mini.at("ours"), 21.0);
  EXPECT_EQ(mini.at("seeds"), json({0, 1, 2}));
  EXPECT_EQ(mini.at("printed"), "14.22");
  EXPECT_EQ(mini.at("trust"), "ED");
  EXPECT_EQ(mini.at("verdict"), "not comparable");
  EXPECT_EQ(mini.at("why"), "fd-small is not FID");
  EXPECT_TRUE(cell("UADM(25)-G", "IS").at("ours").is_null());
  EXPECT_EQ(cell("UADM(25)-G", "FID", {"--tier", "smoke"}).at("ours"), 30.5);
  EXPECT_EQ(cell("UADM(25)-G", "FID", {"--batch", "1"}).at("ours"), 30.5);
}

TEST_F(Tables, LeaveOutRunsThatDidNotFinish) {
  batch("mini", {20, 21}, RunStatus::failed);
  EXPECT_EQ(cell("UADM(25)-G", "FID").at("verdict"), "not run");
}

TEST_F(Tables, AreWrittenInEveryFormatToAFileOrToStandardOutput) {
  batch("mini", {20, 21, 22});
  EXPECT_THAT(command({"ed_dpm"}).out, HasSubstr("| UADM(25)-G | FID (lower is better) | 14.22 (ED) | 21.0 |"));
  EXPECT_THAT(command({"ed_dpm", "--format", "csv"}).out, HasSubstr("UADM(25)-G,FID,lower,14.22,50000,ED,"));
  const std::filesystem::path file = folder / "new/table.tex";
  const Outcome outcome = command({"ed_dpm", "--format", "latex", "--out", file.string()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(read_file(file), HasSubstr("\\toprule"));
}

TEST_F(Tables, RefuseWhatTheyDoNotKnow) {
  for (const Words& words :
       std::vector<Words>{{"ed_dmp"}, {"--format", "word"}, {"--tier", "huge"}, {"--batch", "7"}}) {
    const Outcome outcome = command(words);
    EXPECT_EQ(outcome.exit_code, 2) << words[0];
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
}

}  // namespace
}  // namespace assay
