#include "reports/study_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

RunRow run_of(RowId id, std::int64_t seed, const std::string& method = guidance_study) {
  RunRow run;
  run.id = id;
  run.method = method;
  run.dataset = "shapes";
  run.seed = seed;
  return run;
}

const nlohmann::json place = {{"imbalance", "10"}, {"conditions", "marginal"}, {"of", "all"}};

ScoreRow score_of(RowId run, const std::string& arm, double value) {
  ScoreRow score;
  score.run = run;
  score.arm = arm;
  score.name = "fd-small";
  score.value = value;
  score.params = place;
  return score;
}

ComparisonRow difference_of(const std::string& a, const std::string& b, std::vector<double> differences,
                            std::optional<double> p) {
  ComparisonRow row;
  row.method = guidance_study;
  row.dataset = "shapes";
  row.metric = "fd-small";
  row.arm_a = a;
  row.arm_b = b;
  row.params = place;
  row.differences = std::move(differences);
  row.p_adjusted = p;
  return row;
}

TEST(StudyTables, RankArmsAndNameThoseThatWereNotToldApart) {
  const std::vector<RunRow> runs = {run_of(1, 0), run_of(2, 1), run_of(3, 0, "self_guided")};
  std::vector<ScoreRow> scores;
  for (const RowId run : {1, 2, 3}) {
    scores.push_back(score_of(run, "none", 30));
    scores.push_back(score_of(run, "label", 10 + static_cast<double>(run)));
    scores.push_back(score_of(run, "self_box", 20));
  }
  const std::vector<ComparisonRow> comparisons = {difference_of("label", "none", {-19, -18}, 0.01),
                                                  difference_of("self_box", "none", {-10, -10}, 0.5),
                                                  difference_of("self_box", "label", {9, 8}, 0.2)};
  const auto tables = study_tables(runs, scores, comparisons);
  ASSERT_THAT(tables, SizeIs(1));
  EXPECT_EQ(tables[0].seeds, 2U) << "runs of methods are no part of it";
  ASSERT_THAT(tables[0].rows, SizeIs(3));
  const auto letters = [&](std::size_t row) { return tables[0].rows[row].columns[0]->letters; };
  EXPECT_EQ(letters(0), "b");   // none, the worst
  EXPECT_EQ(letters(1), "a");   // label, the best
  EXPECT_EQ(letters(2), "ab");  // told apart from neither
  EXPECT_DOUBLE_EQ(tables[0].rows[1].columns[0]->mean.mean, 11.5);
  EXPECT_TRUE(tables[0].rows[2].columns[0]->to_label && tables[0].rows[2].columns[0]->to_none);
  EXPECT_FALSE(tables[0].rows[0].columns[1]) << "no recall was recorded";
}

TEST(StudyTables, CountASeedOnceAndHaveNoLettersForOne) {
  const std::vector<RunRow> runs = {run_of(1, 0), run_of(2, 0)};  // a probe, and the unit that repeats its cell
  const auto tables = study_tables(runs, {score_of(1, "none", 30), score_of(2, "none", 30)}, {});
  ASSERT_THAT(tables, SizeIs(1));
  EXPECT_THAT(tables[0].rows[0].columns[0]->values, SizeIs(1));
  EXPECT_EQ(tables[0].rows[0].columns[0]->letters, "");
  EXPECT_THAT(study_tables({}, {}, {}), IsEmpty());
}

TEST(UndecidedDifferences, SayHowManySeedsMoreWouldDo) {
  const std::vector<ComparisonRow> rows = {difference_of("label", "none", {-2, -1, -3}, 0.01),    // decided
                                           difference_of("self_box", "none", {-1, -4, -2}, 0.2),  // mean 2.33, sd 1.53
                                           difference_of("self_box", "label", {1, -1, 0.1}, 1.0),
                                           difference_of("self_mask", "none", {-1}, std::nullopt)};
  const auto undecided = undecided_of_study(rows);
  ASSERT_THAT(undecided, SizeIs(3));
  // t(0.975, 4) 1.5275 / sqrt(5) = 1.897 is below 2.333, t(0.975, 3) 1.5275 / 2 = 2.431 is not.
  EXPECT_EQ(undecided[0].more_seeds, 2);
  EXPECT_FALSE(undecided[1].more_seeds) << "within noise of zero";
  EXPECT_FALSE(undecided[2].more_seeds) << "one seed";
}

}  // namespace
}  // namespace assay
