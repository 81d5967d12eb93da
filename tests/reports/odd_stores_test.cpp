// Stores as they come: runs of two versions of the code, runs that failed, arms that some seeds lack, numbers that are
// not finite, one seed alone, times of nothing. The report states it, and invents neither a verdict nor an interval.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <string>

#include "core/file.h"
#include "reports/report.h"
#include "store/recorder.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class OddStore : public ::testing::Test {
 protected:
  OddStore() {
    recorder.upsert_protocol({0, "fd-small", "", "", "", nlohmann::json::object()});
    BatchRow row;
    row.command = "assay run self_guided --tier mini";
    batch = recorder.begin_batch(row);
  }

  /// A run with a score of each arm.
  RowId run(std::int64_t seed, const std::set<std::string>& arms, RunStatus status = RunStatus::done,
            const std::string& code = "0.1.0+a") {
    RunRow row;
    row.batch = batch;
    row.method = "self_guided";
    row.tier = "mini";
    row.dataset = "emoji";
    row.seed = seed;
    row.code_version = code;
    row.device = "cpu";
    const RowId id = recorder.begin_run(row);
    StageRecorder stage = recorder.begin_stage(id, "sample");
    for (const std::string& arm : arms) {
      ScoreRow score;
      score.arm = arm;
      score.name = "fd";
      score.protocol = "fd-small";
      score.better = Better::lower;
      score.n = 500;
      score.value = 20 + static_cast<double>(seed);
      score.params = {{"w", 2}};
      stage.add_score(score);
    }
    TimingRow sample;
    sample.op = "sample";
    sample.device = "cpu";
    sample.item_unit = "images";
    sample.items = 0;
    stage.add_timing(sample);
    stage.add_curve("loss: mse", {1, 2}, {0.5, 0.25});
    stage.commit();
    recorder.finish_run(id, status, status == RunStatus::done ? "" : "out of memory");
    return id;
  }

  void claim(Verdict verdict, std::optional<double> statistic) {
    ClaimRow row;
    row.batch = batch;
    row.method = "self_guided";
    row.name = "S-1";
    row.statement = "Guidance helps";
    row.verdict = verdict;
    row.statistic = statistic;
    row.note = verdict == Verdict::not_run ? "no finished run recorded fd of label" : "one seed, and no interval";
    row.quantity = {{"score", "fd"}, {"protocol", "fd-small"}, {"arm", "label"}, {"bounds", {0.0}}};
    if (statistic) {
      row.seeds = {0};
      row.values = {*statistic};
    }
    recorder.add_claims({row});
  }

  std::string markdown() {
    const ReportFiles files = write_report({folder / "results.sqlite", folder / "out", batch, {}, {}});
    const std::string html = read_file(files.html);
    EXPECT_FALSE(std::regex_search(html, std::regex(R"((^|[^a-z])(nan|inf)([^a-z]|$))")));
    return read_file(files.markdown);
  }

  test::TemporaryFolder folder;
  Store store = Store::open_or_create(folder / "results.sqlite");
  Recorder recorder{store};
  RowId batch = 0;
};

TEST_F(OddStore, SaysThatTwoVersionsOfTheCodeMadeTheRuns) {
  run(0, {"label"});
  run(1, {"label"}, RunStatus::done, "0.1.0+b");
  EXPECT_THAT(markdown(), HasSubstr("2 versions of the code made these runs (0.1.0+a, 0.1.0+b)"));
}

TEST_F(OddStore, SaysThatSomeSeedsLackAnArm) {
  run(0, {"label", "uncond"});
  run(1, {"label"});
  EXPECT_THAT(markdown(), HasSubstr("1 of 2 scores: not every finished run has them"));
}

TEST_F(OddStore, OfFailedRunsAloneHasNoVerdict) {
  run(0, {"label"}, RunStatus::failed);
  claim(Verdict::not_run, std::nullopt);
  const std::string text = markdown();
  EXPECT_THAT(text, HasSubstr("Of 1 run, 1 failed"));
  EXPECT_THAT(text, HasSubstr("no finished run recorded fd of label"));
  EXPECT_THAT(text, Not(HasSubstr("**supported**")));
  EXPECT_THAT(text, Not(HasSubstr("What would decide it")));
}

TEST_F(OddStore, OfOneSeedEstimatesNoNumberOfSeeds) {
  run(0, {"label"});
  claim(Verdict::inconclusive, 20.0);
  const std::string text = markdown();
  EXPECT_THAT(text, HasSubstr("One seed: intervals say which samples were drawn"));
  EXPECT_THAT(text, HasSubstr("their number cannot be estimated"));
}

TEST_F(OddStore, LeavesOutAScoreThatIsNotFiniteAndSaysSo) {
  run(0, {"label", "uncond"});
  run(1, {"label", "uncond"});
  // As another program would write it: our own recorder refuses it.
  store.database().exec("UPDATE score SET value = 9e999 WHERE run = 1 AND arm = 'label'");
  const std::string text = markdown();
  EXPECT_THAT(text, HasSubstr("1 recorded number cannot be shown"));
  EXPECT_THAT(text, HasSubstr("score fd of label in run 1 is not finite and left out"));
  // What is left of it is one seed's value, without an interval.
  EXPECT_THAT(text, HasSubstr("| `label` | 2 | 1 | 21.0 |  | 500 | 1 |"));
}

TEST_F(OddStore, LeavesOutEveryOtherNumberThatIsNotFinite) {
  run(0, {"label"});
  claim(Verdict::supported, -1.0);
  TimingRow kernel;
  kernel.batch = batch;
  kernel.op = "k";
  kernel.device = "cpu";
  kernel.bytes = 5.0;
  kernel.peak_bytes_per_second = 0.0;
  recorder.add_timings({kernel});
  store.database().exec(
      "UPDATE claim SET statistic = 9e999; UPDATE sample SET value = 9e999 WHERE kind = 'loss: mse' AND idx = 0;"
      "UPDATE timing SET seconds = 9e999 WHERE run IS NOT NULL;"
      "UPDATE score SET low = -9e999, high = 9e999, level = 0.95");
  const std::string text = markdown();
  EXPECT_THAT(text, HasSubstr("claim S-1 of self"));
  EXPECT_THAT(text, Not(HasSubstr("**supported**")));
  EXPECT_THAT(text, HasSubstr("curve loss: mse of stage sample in run 1 holds a number that is not finite"));
  EXPECT_THAT(text, HasSubstr("a time of sample is not finite"));
  EXPECT_THAT(text, HasSubstr("| `label` | 2 | 1 | 20.0 |  | 500 | 1 |"));
}

TEST_F(OddStore, OfTimesOfNothingDividesByNothing) {
  run(0, {"label"});
  TimingRow kernel;
  kernel.batch = batch;
  kernel.op = "k";
  kernel.device = "cpu";
  kernel.items = 0;
  kernel.bytes = 5.0;
  kernel.peak_bytes_per_second = 28e9;
  recorder.add_timings({kernel, kernel});
  EXPECT_THAT(markdown(), HasSubstr("Kernels"));
}

}  // namespace
}  // namespace assay
