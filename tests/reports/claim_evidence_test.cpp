#include "reports/claim_evidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Inconclusive, about the values of seeds 0, 1, ..., their mean its statistic.
ClaimRow claim_about(const nlohmann::json& quantity, const std::vector<double>& values) {
  ClaimRow claim;
  claim.method = "m";
  claim.verdict = Verdict::inconclusive;
  claim.quantity = quantity;
  claim.values = values;
  claim.statistic = mean_over_seeds(values).mean;
  claim.seeds.resize(values.size());
  std::iota(claim.seeds.begin(), claim.seeds.end(), std::int64_t{0});
  return claim;
}

nlohmann::json difference_below(double bound) {
  return {{"score", "fd"},
          {"protocol", "p"},
          {"arm", "a"},
          {"params", {{"w", 2}}},
          {"minus", {{"arm", "b"}, {"params", nlohmann::json::object()}}},
          {"bounds", {bound}}};
}

TEST(ClaimEvidence, AClaimOfOlderStoresHasNoBounds) {
  EXPECT_THAT(bounds_of(claim_about(difference_below(0.5), {1, 2})), ElementsAre(0.5));
  EXPECT_THAT(bounds_of(claim_about({{"bounds", {0.85, 1.15}}}, {1, 2})), ElementsAre(0.85, 1.15));
  EXPECT_THAT(bounds_of(claim_about(nlohmann::json::object(), {1, 2})), IsEmpty());
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

TEST(ClaimEvidence, StandsWhereTheDifferenceOfItsKeyDoesAndNotAnotherOfThatValue) {
  ComparisonRow other;
  other.id = 1;
  other.method = "m";
  other.metric = "fd";
  other.protocol = "p";
  other.arm_a = "c";
  other.arm_b = "b";
  other.params = {{"w", 2}};
  other.difference = -1;
  ComparisonRow named = other;
  named.id = 2;
  named.arm_a = "a";
  ComparisonRow at_another_weight = named;
  at_another_weight.id = 3;
  at_another_weight.params = {{"w", 3}};
  const ClaimRow claim = claim_about(difference_below(0), {-2, 0});
  EXPECT_EQ(evidence_anchor(claim, {other, named, at_another_weight}, {}), "difference-2");
  EXPECT_EQ(evidence_anchor(claim, {other, at_another_weight}, {}), "");
  named.params["k"] = 100;
  EXPECT_EQ(evidence_anchor(claim, {other, named}, {}), "difference-2") << "the only one that has what is asked for";
}

TEST(ClaimEvidence, StandsWithTheScoresWhereNothingIsSubtracted) {
  RunRow run;
  run.id = 3;
  run.method = "m";
  ScoreRow score;
  score.id = 7;
  score.run = 3;
  score.arm = "a";
  score.name = "fd";
  score.protocol = "p";
  score.value = 2;
  nlohmann::json key = difference_below(3);
  key.erase("minus");
  key["params"] = nlohmann::json::object();
  EXPECT_EQ(evidence_anchor(claim_about(key, {2}), {}, group_scores({score}, {run})), "score-7");
}

TEST(ClaimEvidence, SaysWhatWouldDecide) {
  const auto said = [&](const std::vector<double>& values) {
    return what_would_decide(claim_about(difference_below(0), values));
  };
  EXPECT_THAT(said({-2, 0, -2, 0}), HasSubstr("about 8 seeds, an estimate"));
  EXPECT_THAT(said({-2, 0, -2, 0}), HasSubstr("With 4 the interval reaches 1.8 to either side"));
  EXPECT_THAT(said({-1.5, 0.5, -1.5, 0.5}), HasSubstr("within noise of the threshold"));
  EXPECT_THAT(said({-1}), HasSubstr("their number cannot be estimated"));
  EXPECT_THAT(said({0, 0, 0}), HasSubstr("not more seeds"));
}

TEST(ClaimEvidence, SaysNothingOfClaimsThatAreDecidedOrOnlyReport) {
  ClaimRow reported = claim_about({{"bounds", nlohmann::json::array()}}, {1, 2});
  EXPECT_EQ(what_would_decide(reported), "");
  EXPECT_FALSE(seeds_needed(reported).has_value());
  ClaimRow decided = claim_about(difference_below(0), {-2, 0, -2, 0});
  EXPECT_EQ(seeds_needed(decided)->seeds, 8);
  decided.verdict = Verdict::supported;
  EXPECT_EQ(what_would_decide(decided), "");
  EXPECT_FALSE(seeds_needed(decided).has_value());
}

}  // namespace
}  // namespace assay
