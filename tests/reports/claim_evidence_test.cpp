#include "reports/claim_evidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ClaimRow claim_about(const std::string& threshold, double statistic, const std::vector<std::int64_t>& seeds) {
  ClaimRow claim;
  claim.method = "m";
  claim.verdict = Verdict::inconclusive;
  claim.threshold = threshold;
  claim.statistic = statistic;
  claim.seeds = seeds;
  return claim;
}

TEST(ClaimEvidence, BoundsAreReadFromTheThresholdAndNotFromTheLevel) {
  EXPECT_THAT(bounds_of("the 95 % interval of fd of a {\"w\":2.0} - b {\"w\":0.0} lies below 0"), ElementsAre(0));
  EXPECT_THAT(bounds_of("the value of diverged of batch8 lies at most 0.5"), ElementsAre(0.5));
  EXPECT_THAT(bounds_of("the 95 % interval of r of a lies within [0.85, 1.15]"), ElementsAre(0.85, 1.15));
  EXPECT_THAT(bounds_of("the 95 % interval of r of a lies above -2"), ElementsAre(-2));
  EXPECT_THAT(bounds_of("fd of k1 - uncond: reported without a threshold"), IsEmpty());
}

TEST(ClaimEvidence, SeedsAreTheFirstNumberWhoseIntervalIsNarrowerThanTheDistance) {
  // Mean -1, standard deviation 2 / sqrt(3) = 1.1547, standard error 0.57735; t(0.975, 3) = 3.18245.
  // Seven seeds: 2.44691 * 1.1547 / sqrt(7) = 1.0679; eight: 2.36462 * 1.1547 / sqrt(8) = 0.9653.
  const SeedsNeeded needed = seeds_needed({-2, 0, -2, 0}, {0});
  EXPECT_NEAR(needed.half_width, 1.83739, 1e-4);
  EXPECT_NEAR(needed.standard_error, 0.57735, 1e-5);
  EXPECT_DOUBLE_EQ(needed.distance, 1);
  EXPECT_EQ(needed.seeds, 8);
}

TEST(ClaimEvidence, TheNearestBoundCounts) {
  EXPECT_DOUBLE_EQ(seeds_needed({-2, 0, -2, 0}, {-4, 0.5}).distance, 1.5);
  EXPECT_DOUBLE_EQ(seeds_needed({-2, 0, -2, 0}, {-1.75, 0.5}).distance, 0.75);
}

TEST(ClaimEvidence, AMeanWithinOneStandardErrorOfTheBoundIsNoise) {
  // 0.5 from the bound at a standard error of 0.57735.
  EXPECT_EQ(seeds_needed({-1.5, 0.5, -1.5, 0.5}, {0}).seeds, std::nullopt);
  EXPECT_TRUE(seeds_needed({-1.6, 0.4, -1.6, 0.4}, {0}).seeds.has_value());
}

TEST(ClaimEvidence, IsTheDifferenceThatTheThresholdNamesAndNotAnotherOfThatValue) {
  ComparisonRow other;
  other.id = 1;
  other.method = "m";
  other.metric = "fd";
  other.arm_a = "c";
  other.arm_b = "b";
  other.difference = -1;
  other.seeds = {0, 1};
  other.differences = {-3, 1};
  ComparisonRow named = other;
  named.id = 2;
  named.arm_a = "a";
  named.differences = {-2, 0};
  const ClaimEvidence evidence =
      evidence_of(claim_about("the 95 % interval of fd of a - b lies below 0", -1, {0, 1}), {other, named}, {});
  EXPECT_THAT(evidence.values, ElementsAre(-2, 0));
  EXPECT_EQ(evidence.anchor, "difference-2");
}

TEST(ClaimEvidence, IsTheScoreWhereNoDifferenceIsNamed) {
  RunRow run;
  run.id = 3;
  run.method = "m";
  ScoreRow score;
  score.id = 7;
  score.run = 3;
  score.arm = "a";
  score.name = "fd";
  score.value = 2;
  const ClaimEvidence evidence =
      evidence_of(claim_about("the 95 % interval of fd of a lies below 3", 2, {0}), {}, group_scores({score}, {run}));
  EXPECT_THAT(evidence.values, ElementsAre(2));
  EXPECT_EQ(evidence.anchor, "score-7");
}

TEST(ClaimEvidence, SaysWhatWouldDecide) {
  const std::string below = "the 95 % interval of fd of a - b lies below 0";
  const auto said = [&](double statistic, const std::vector<double>& values) {
    std::vector<std::int64_t> seeds(values.size());
    return what_would_decide(claim_about(below, statistic, seeds), {values, ""});
  };
  EXPECT_THAT(said(-1, {-2, 0, -2, 0}), HasSubstr("about 8 seeds, an estimate"));
  EXPECT_THAT(said(-1, {-2, 0, -2, 0}), HasSubstr("With 4 the interval reaches 1.8 to either side"));
  EXPECT_THAT(said(-0.5, {-1.5, 0.5, -1.5, 0.5}), HasSubstr("within noise of the threshold"));
  EXPECT_THAT(said(-1, {-1}), HasSubstr("their number cannot be estimated"));
  EXPECT_THAT(said(0, {0, 0, 0}), HasSubstr("not more seeds"));
  EXPECT_EQ(what_would_decide(claim_about("fd of a: reported without a threshold", 1, {0, 1}), {{1, 2}, ""}), "");
}

}  // namespace
}  // namespace assay
