// The first page, and the order of the claims below it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "reports/report.h"
#include "store/recorder.h"
#include "tests/reports/sample_store.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FirstPage : public ::testing::Test {
 protected:
  ReportFiles write() {
    ReportOptions options;
    options.store = store;
    options.out = folder / "out";
    return write_report(options);
  }
  std::string html() { return read_file(write().html); }
  std::string markdown() { return read_file(write().markdown); }

  /// Runs that record this note and two arms of a score without weights, and their difference.
  void fill(const std::string& note) {
    Store made = Store::open_or_create(store);
    Recorder recorder(made);
    recorder.upsert_protocol({0, "p", "", "", "", nlohmann::json::object()});
    RunRow row;
    row.batch = recorder.begin_batch({});
    row.method = "maskdm";
    row.tier = "mini";
    for (row.seed = 0; row.seed < 2; ++row.seed) {
      const RowId id = recorder.begin_run(row);
      StageRecorder stage = recorder.begin_stage(id, "score");
      ScoreRow score;
      score.name = "fd";
      score.protocol = "p";
      for (const char* arm : {"a", "b"}) {
        score.arm = arm;
        stage.add_score(score);
      }
      stage.add_note(note);
      stage.commit();
      recorder.finish_run(id, RunStatus::done);
    }
    ComparisonRow difference;
    difference.batch = row.batch;
    difference.method = "maskdm";
    difference.metric = "fd";
    difference.protocol = "p";
    difference.arm_a = "a";
    difference.arm_b = "b";
    difference.difference = -1;
    difference.interval = {-2, 0, 0.95, "t"};
    difference.seeds = {0, 1};
    difference.differences = {-1.5, -0.5};
    recorder.add_comparisons({difference});
  }

  test::TemporaryFolder folder;
  std::filesystem::path store = folder / "results.sqlite";
};

/// Where the parts stand in a text; a part that is missing fails.
void expect_in_order(const std::string& text, const std::vector<std::string>& parts) {
  std::size_t last = 0;
  for (const std::string& part : parts) {
    const std::size_t at = text.find(part, last);
    ASSERT_NE(at, std::string::npos) << part;
    last = at;
  }
}

TEST_F(FirstPage, BeginsWithRealImagesThenTheHeadlineArmThenTheUnguidedOne) {
  test::fill_full_store(store);
  expect_in_order(
      html(),
      {"alt=\"Real training images, seed 0\"", "alt=\"Samples of self_label_k100, w = 1.5, seed 0\"",
       "alt=\"Samples of uncond_w0, w = 0 (unguided), seed 0\"", "<svg", "class=\"verdicts\"", "<section", "<table"});
  expect_in_order(markdown(), {"alt=\"Real training images", "alt=\"Samples of self_label_k100", "charts/headline.svg",
                               "4 claims: ", "## Overview"});
}

TEST_F(FirstPage, CaptionsLinkTheScoreToItsRow) {
  test::fill_full_store(store);
  const std::string page = html();
  const std::size_t at = page.find("<figcaption><code>self_label_k100</code>, w = 1.5, seed 0, n = 1,000: fd ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_THAT(page.substr(at, 160), HasSubstr("<a href=\"#score-"));
}

TEST_F(FirstPage, DrawsTheCurveOfTheHeadlineArmAndOfWhatItIsComparedWithAlone) {
  test::fill_full_store(store);
  const std::filesystem::path report = write().html;
  const std::string drawing = read_file(report.parent_path() / "charts/headline.svg");
  EXPECT_THAT(drawing, HasSubstr(">self_label_k100</text>"));
  EXPECT_THAT(drawing, HasSubstr(">uncond_w0</text>"));
  EXPECT_THAT(drawing, Not(HasSubstr(">label</text>")));
}

TEST_F(FirstPage, DrawsThePairedDifferencesWhereThereIsNoCurve) {
  fill("nothing of note");
  EXPECT_THAT(html(), HasSubstr("Forest plot of the first 1 paired differences of fd"));
}

TEST_F(FirstPage, CountsEveryClaimOnce) {
  test::fill_full_store(store);
  EXPECT_THAT(markdown(),
              HasSubstr("4 claims: **1 supported**, **1 contradicted**, **1 inconclusive**, **1 not run**\n"));
}

TEST_F(FirstPage, SaysOnceThatANetworkWasNotTrainedHere) {
  fill("network n was shipped with this program, not trained here: `assay run` made it");
  const std::string text = markdown();
  const std::string said = "> network n was shipped with this program, not trained here: `assay run` made it";
  const std::size_t at = text.find(said);
  ASSERT_NE(at, std::string::npos);
  EXPECT_LT(at, text.find("## Overview"));
  EXPECT_EQ(text.find(said, at + 1), std::string::npos);
}

TEST_F(FirstPage, LeavesOrdinaryNotesToTheirSection) {
  fill("taken from the cache");
  const std::string text = markdown();
  EXPECT_GT(text.find("taken from the cache"), text.find("## Overview"));
}

TEST_F(FirstPage, SaysThatRunsDidNotFinish) {
  test::fill_full_store(store);
  EXPECT_THAT(markdown(), HasSubstr("1 failed, 1 interrupted: scores below include what they recorded before"));
}

TEST_F(FirstPage, IsAbsentWhereThereIsNothingToShow) {
  {
    Store made = Store::open_or_create(store);
    Recorder recorder(made);
    RunRow row;
    row.batch = recorder.begin_batch({});
    row.method = "maskdm";
    row.tier = "mini";
    recorder.finish_run(recorder.begin_run(row), RunStatus::done);
  }
  EXPECT_THAT(html(), Not(HasSubstr("class=\"opening\"")));
}

TEST_F(FirstPage, ClaimsBelowAreDecidedThenInconclusiveThenNotRunAndFolded) {
  test::fill_full_store(store);
  const std::string page = html();
  expect_in_order(page.substr(page.find("<section id=\"claims\"")),
                  {"<h3>Decided (2)</h3>", ">supported<", ">contradicted<", "<h3>Inconclusive (1)</h3>",
                   ">inconclusive<", "<summary>Not run (1)</summary>", ">not run<"});
}

TEST_F(FirstPage, AnInconclusiveClaimSaysHowManySeedsWouldDecide) {
  // Differences -3.94, -1.38, 0.22 about -1.7, 4.7 below the threshold of 3: standard deviation 2.098, and four seeds
  // give 3.18245 * 2.098 / 2 = 3.34.
  test::fill_full_store(store);
  EXPECT_THAT(markdown(), HasSubstr("about 4 seeds, an estimate"));
}

}  // namespace
}  // namespace assay
