#include "bench/study/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <string>

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Runs and scores of a study, made by hand.
struct Made {
  std::vector<RunRow> runs;
  std::vector<ScoreRow> scores;

  void add(const std::string& imbalance, std::int64_t seed, const std::string& arm, const std::string& metric,
           const std::string& of, double value, const std::string& conditions = "marginal") {
    const auto known = std::find_if(runs.begin(), runs.end(), [&](const RunRow& run) {
      return run.seed == seed && run.config.at("imbalance") == imbalance;
    });
    RowId id = known == runs.end() ? static_cast<RowId>(runs.size()) + 1 : known->id;
    if (known == runs.end()) {
      RunRow run;
      run.id = id;
      run.method = "guidance-imbalance";
      run.dataset = "shapes";
      run.seed = seed;
      run.config = {{"imbalance", imbalance}};
      runs.push_back(run);
    }
    ScoreRow score;
    score.run = id;
    score.arm = arm;
    score.name = metric;
    score.value = value;
    score.protocol = metric == "fd-small" ? "fd-small" : "prdc5";
    score.protocol_id = metric == "fd-small" ? 1 : 2;
    score.params = {{"imbalance", imbalance}, {"conditions", conditions}, {"of", of}};
    scores.push_back(score);
  }
  std::vector<ComparisonRow> compared() const { return compare_study(runs, scores); }
};

std::vector<std::string> pairs_of(const std::vector<ComparisonRow>& rows) {
  std::vector<std::string> pairs;
  for (const ComparisonRow& row : rows) pairs.push_back(row.arm_a + " - " + row.arm_b);
  return pairs;
}

TEST(StudyComparisons, PairSeedsAndTestThemByStudentsT) {
  Made made;
  for (const auto& [seed, none, label] : {std::tuple(0, 20.0, 17.0), std::tuple(1, 22.0, 20.0)}) {
    made.add("10", seed, "none", "fd-small", "all", none);
    made.add("10", seed, "label", "fd-small", "all", label);
  }
  made.add("10", 2, "none", "fd-small", "all", 1000.0);  // a seed that only one of them has
  const auto rows = made.compared();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_THAT(rows[0].differences, ElementsAre(-3.0, -2.0));
  EXPECT_THAT(rows[0].seeds, ElementsAre(0, 1));
  EXPECT_DOUBLE_EQ(rows[0].difference, -2.5);
  // One degree of freedom: Cauchy. t = 2.5 / (sqrt(0.5) / sqrt(2)) = 5.
  EXPECT_NEAR(rows[0].p_value.value(), 1 - 2 / std::numbers::pi * std::atan(5.0), 1e-12);
  EXPECT_EQ(rows[0].p_adjusted, rows[0].p_value) << "a family of one";
}

TEST(StudyComparisons, HoldTheArmsAgainstEachOtherThatTheStudyIsAbout) {
  Made made;
  for (const char* arm : {"none", "label", "self_label_k4", "classifier", "classifier_eds", "classifier_eds_ect"}) {
    made.add("10", 0, arm, "precision", "head", 0.5);
    made.add("10", 0, arm, "recall", "class red", 0.5);
    made.add("10", 0, arm, "coverage", "class red", 0.5);
  }
  const auto expected =
      ElementsAre("label - none", "self_label_k4 - none", "classifier - none", "classifier_eds - none",
                  "classifier_eds_ect - none", "self_label_k4 - label", "classifier - label", "classifier_eds - label",
                  "classifier_eds_ect - label", "classifier_eds - classifier", "classifier_eds_ect - classifier_eds");
  std::map<std::string, std::vector<ComparisonRow>> by_metric;
  for (const ComparisonRow& row : made.compared()) by_metric[row.metric].push_back(row);
  EXPECT_THAT(pairs_of(by_metric["precision"]), expected);
  EXPECT_THAT(pairs_of(by_metric["recall"]), expected);
  EXPECT_THAT(by_metric["coverage"], IsEmpty()) << "of single classes recall alone";
  Made ranked;
  for (const char* arm : {"none", "label", "self_box", "self_mask"}) ranked.add("10", 0, arm, "recall", "tail", 0.5);
  EXPECT_EQ(ranked.compared().size(), 6U) << "every pair";
}

TEST(StudyComparisons, AdjustByHolmOverAllImbalancesOfAMetric) {
  Made made;
  // Differences of three seeds whose t differ: mean m, deviation 1.
  const std::vector<double> noise = {-1, 0, 1};
  double m = 0.5;
  for (const char* imbalance : {"1", "10", "100"}) {
    for (std::int64_t seed = 0; seed < 3; ++seed) {
      const double d = noise[static_cast<std::size_t>(seed)];
      made.add(imbalance, seed, "none", "coverage", "medium", 0.0);
      made.add(imbalance, seed, "label", "coverage", "medium", m + d);
      made.add(imbalance, seed, "self_box", "coverage", "medium", 3 * m - d);
      made.add(imbalance, seed, "none", "coverage", "medium", 0.0, "uniform");
      made.add(imbalance, seed, "label", "coverage", "medium", m + d, "uniform");
    }
    m *= 3;
  }
  std::vector<ComparisonRow> family;
  for (const ComparisonRow& row : made.compared())
    if (row.params.at("conditions") == "marginal") family.push_back(row);
  ASSERT_EQ(family.size(), 9U);
  std::sort(family.begin(), family.end(),
            [](const ComparisonRow& a, const ComparisonRow& b) { return *a.p_value < *b.p_value; });
  double largest = 0;
  for (std::size_t i = 0; i < family.size(); ++i) {
    largest = std::max(largest, std::min(1.0, static_cast<double>(family.size() - i) * *family[i].p_value));
    EXPECT_NEAR(family[i].p_adjusted.value(), largest, 1e-12) << i;
  }
}

TEST(StudyComparisons, PassOverWhatIsNotFiniteNotOfAnArmOrOfAnotherReference) {
  Made made;
  made.add("10", 0, "none", "fd-small", "all", 20.0);
  made.add("10", 0, "label", "fd-small", "all", std::numeric_limits<double>::quiet_NaN());
  made.add("10", 0, "self_box", "fd-small", "all", 19.0);
  made.scores.back().protocol_id = 9;
  made.add("10", 0, "real_validation", "fd-small", "all", 3.0, "");
  EXPECT_THAT(made.compared(), IsEmpty());
}

TEST(StudyComparisons, OfOneSeedAreADifferenceAlone) {
  Made made;
  made.add("10", 4, "none", "recall", "tail", 0.25);
  made.add("10", 4, "label", "recall", "tail", 0.75);
  const auto rows = made.compared();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_DOUBLE_EQ(rows[0].difference, 0.5);
  EXPECT_FALSE(rows[0].p_value || rows[0].p_adjusted || rows[0].interval);
}

std::map<std::string, ClaimRow> claims_of(const Made& made) {
  std::map<std::string, ClaimRow> claims;
  for (const ClaimRow& claim : claims_of_study(made.runs, made.scores, made.compared())) claims[claim.name] = claim;
  return claims;
}

TEST(StudyClaims, FollowTheIntervalUnderTheLongestTail) {
  Made made;
  for (std::int64_t seed = 0; seed < 4; ++seed) {
    const double jitter = 0.01 * static_cast<double>(seed);
    double gain = 0.1;
    for (const char* imbalance : {"1", "10", "100"}) {
      made.add(imbalance, seed, "label", "recall", "tail", 0.3);
      made.add(imbalance, seed, "self_label_k4", "recall", "tail", 0.3 + gain + jitter);
      gain += 0.2;
    }
    made.add("1", seed, "classifier", "fd-small", "all", 10.0);
    made.add("1", seed, "classifier_eds", "fd-small", "all", 5.0 + jitter);
    made.add("100", seed, "classifier", "fd-small", "all", 10.0);
    made.add("100", seed, "classifier_eds", "fd-small", "all", 11.0 + jitter);
  }
  auto claims = claims_of(made);
  EXPECT_EQ(claims.at("eds.shapes").verdict, Verdict::contradicted) << "at 100 it is worse, whatever it is at 1";
  EXPECT_EQ(claims.at("self-label.shapes").verdict, Verdict::supported);
  EXPECT_NEAR(claims.at("self-label.shapes").statistic.value(), 0.515, 1e-12);
  EXPECT_EQ(claims.at("grows.shapes").verdict, Verdict::supported);
  EXPECT_NEAR(claims.at("grows.shapes").statistic.value(), 0.2 / std::log(10.0), 1e-12);
}

TEST(StudyClaims, OfOneSeedDecideNothing) {
  Made made;
  for (const char* imbalance : {"1", "100"}) {
    made.add(imbalance, 0, "label", "recall", "tail", 0.3);
    made.add(imbalance, 0, "self_label_k4", "recall", "tail", 0.9);
  }
  for (const auto& [name, claim] : claims_of(made)) EXPECT_EQ(claim.verdict, Verdict::inconclusive) << name;
}

}  // namespace
}  // namespace assay
