#include "bench/harness/verdicts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "store/query.h"
#include "store/recorder.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using test::TemporaryFolder;
using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;
using ::testing::SizeIs;

/// A store with one batch, in which scores of arms `a` and `b` are made up.
class Verdicts : public ::testing::Test {
 protected:
  Verdicts() {
    BatchRow row;
    row.command = "assay run self_guided";
    batch = recorder.begin_batch(row);
    recorder.upsert_protocol({0, "fd-small", "", "", "", {{"d", 64}}});
  }

  ScoreRow score(const std::string& arm, double value, const std::string& metric, const nlohmann::json& params) {
    ScoreRow row;
    row.arm = arm;
    row.name = metric;
    row.value = value;
    row.better = Better::lower;
    row.n = 100;
    row.protocol = "fd-small";
    row.params = params;
    return row;
  }

  RowId begin_run(std::int64_t seed) {
    RunRow row;
    row.batch = batch;
    row.method = "self_guided";
    row.tier = "mini";
    row.dataset = "emoji";
    row.dataset_hash = "0";
    row.seed = seed;
    row.code_version = "0";
    row.device = "cpu";
    row.config = config;
    return recorder.begin_run(row);
  }

  /// A run with b at 100 and a at 100 plus `difference`.
  void run(std::int64_t seed, double difference, RunStatus status = RunStatus::done,
           const std::optional<ScoreInterval>& own = std::nullopt, const std::string& metric = "fd") {
    const RowId id = begin_run(seed);
    StageRecorder stage = recorder.begin_stage(id, "score");
    stage.add_score(score("a", 100 + difference, metric, {{"w", 2}, {"w_cfg", 1}}));
    stage.add_score(score("a", 1e6, metric, {{"w", 3}, {"w_cfg", 2}}));  // not the one the contrast asks for
    stage.add_score(score("b", 100, metric, {{"w", 0}}));
    if (own) {
      ScoreRow paired = score("a - b", difference, metric + " difference", {{"w", 2}});
      paired.interval = own;
      stage.add_score(paired);
    }
    stage.commit();
    recorder.finish_run(id, status, status == RunStatus::done ? "" : "out of memory");
  }

  static MethodPlan plan() {
    return {{{"fd", "fd-small", "a", "b", {{"w", 2}}, {{"w", 0}}}, {"fd", "fd-small", "a", "absent", {{"w", 2}}, {}}}};
  }
  static Claim claim(const std::string& id, Quantity quantity, ClaimRule rule) {
    Claim made;
    made.id = id;
    made.quantity = std::move(quantity);
    made.rule = rule;
    return made;
  }
  static Quantity difference(const std::string& arm_b) {
    return {"fd", "fd-small", {"a", {{"w", 2}}}, ScoreSelector{arm_b, nlohmann::json::object()}};
  }
  std::vector<ComparisonRow> contrasts(const MethodPlan& p) {
    return judge(Query(store), batch, "self_guided", p, {}).comparisons;
  }
  std::vector<ClaimRow> judged(const std::vector<Claim>& claims) {
    return judge(Query(store), batch, "self_guided", {}, claims).claims;
  }
  std::vector<ClaimRow> claims(bool claimed_negative = true) {
    const ClaimRule rule{claimed_negative ? ClaimRule::Kind::below : ClaimRule::Kind::above, 0, 0};
    return judged({claim("first", difference("b"), rule), claim("second", difference("absent"), rule)});
  }
  /// The claim that fd of arm a at w = 2 is below `bound`.
  ClaimRow value_below(double bound, bool exact = false) {
    return judged({claim("value", {"fd", "fd-small", {"a", {{"w", 2}}}, std::nullopt, exact},
                         {ClaimRule::Kind::below, bound, 0})})[0];
  }

  TemporaryFolder folder;
  Store store = Store::open_or_create(folder / "results.db");
  Recorder recorder{store};
  RowId batch = 0;
  nlohmann::json config = nlohmann::json::object();  // of runs that begin
};

/// Of Student's t with two degrees of freedom: (2 p - 1) / sqrt(2 p (1 - p)) at p = 0.975, and two-sided p = 1 - t /
/// sqrt(2 + t^2).
const double t2 = 0.95 / std::sqrt(2 * 0.975 * 0.025);
double p2(double t) { return 1 - t / std::sqrt(2 + t * t); }

TEST_F(Verdicts, PairRunsBySeedAndGiveStudentsInterval) {
  run(0, -1);
  run(1, -2);
  run(2, -3);
  const auto rows = contrasts(plan());
  ASSERT_THAT(rows, SizeIs(1));  // nothing of the arm without scores
  EXPECT_THAT(rows[0].seeds, ElementsAre(0, 1, 2));
  EXPECT_THAT(rows[0].differences, ElementsAre(DoubleEq(-1), DoubleEq(-2), DoubleEq(-3)));
  EXPECT_DOUBLE_EQ(rows[0].difference, -2);
  ASSERT_TRUE(rows[0].interval);
  EXPECT_NEAR(rows[0].interval->low, -2 - t2 / std::sqrt(3.0), 1e-9);
  EXPECT_NEAR(rows[0].interval->high, -2 + t2 / std::sqrt(3.0), 1e-9);
  EXPECT_THAT(rows[0].p_value, Optional(DoubleNear(p2(2 * std::sqrt(3.0)), 1e-9)));
  EXPECT_EQ(rows[0].better, Better::lower);
  EXPECT_EQ(rows[0].interval->method, "paired Student t over 3 seeds; p by Holm over 1");
  EXPECT_NO_THROW(recorder.add_comparisons(rows));
}

TEST_F(Verdicts, OfOneNetworkThatWasNotTrainedSayThatSeedsVaryItsSamples) {
  config = {{"pretrained", "emoji16"}};
  run(0, -1);
  run(1, -2);
  const auto rows = contrasts(plan());
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_THAT(rows[0].interval->method, HasSubstr("over 2 seeds of samples from one trained network, emoji16"));
  EXPECT_THAT(claims()[0].note, HasSubstr("of samples from one trained network, emoji16"));
  EXPECT_THAT(value_below(1e9).note, HasSubstr("of samples from one trained network, emoji16"));
}

TEST_F(Verdicts, OfTrainedNetworksSayNothingOfThat) {
  config = {{"pretrained", ""}};
  run(0, -1);
  run(1, -2);
  EXPECT_EQ(claims()[0].note, "paired Student t over 2 seeds; p by Holm over 1");
}

TEST_F(Verdicts, AreInconclusiveWhereTheIntervalHoldsZero) {
  run(0, -1);
  run(1, -2);
  run(2, -3);  // -2 +- 2.48
  const auto rows = claims();
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].verdict, Verdict::inconclusive);
  EXPECT_THAT(rows[0].statistic, Optional(DoubleEq(-2)));
  EXPECT_THAT(rows[0].seeds, ElementsAre(0, 1, 2));
}

TEST_F(Verdicts, FollowTheSideThatTheClaimNames) {
  run(0, -2.0);
  run(1, -2.1);
  run(2, -1.9);  // -2 +- 0.25
  EXPECT_EQ(claims(true)[0].verdict, Verdict::supported);
  EXPECT_EQ(claims(false)[0].verdict, Verdict::contradicted);
}

TEST_F(Verdicts, AreContradictedOnTheOtherSide) {
  run(0, 2.0);
  run(1, 2.1);
  run(2, 1.9);
  EXPECT_EQ(claims(true)[0].verdict, Verdict::contradicted);
  EXPECT_EQ(claims(false)[0].verdict, Verdict::supported);
}

TEST_F(Verdicts, AreNotRunWithoutScores) {
  EXPECT_EQ(claims()[0].verdict, Verdict::not_run);
  run(0, -2);
  EXPECT_EQ(claims()[1].verdict, Verdict::not_run);
  EXPECT_FALSE(claims()[1].statistic);
  EXPECT_NO_THROW(recorder.add_claims(claims()));
}

TEST_F(Verdicts, LeaveOutRunsThatFailed) {
  run(0, -2.0);
  run(1, -2.1);
  run(2, -1.9);
  run(3, 500, RunStatus::failed);
  EXPECT_THAT(contrasts(plan())[0].seeds, ElementsAre(0, 1, 2));
}

TEST_F(Verdicts, OfOneSeedUseTheRunsOwnIntervalAndSaySo) {
  run(4, -2, RunStatus::done, ScoreInterval{-3, -1, 0.95, "bootstrap over samples, 500"});
  const auto rows = contrasts(plan());
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_FALSE(rows[0].p_value);
  EXPECT_EQ(rows[0].interval->low, -3);
  EXPECT_EQ(claims()[0].verdict, Verdict::supported);
  EXPECT_THAT(claims()[0].note, HasSubstr("one seed"));
}

TEST_F(Verdicts, OfOneDifferenceInEverySeedUseTheRunsOwnInterval) {
  // Nothing of it depends on the seed, so that seeds cannot tell how sure it is.
  for (const int seed : {0, 1, 2})
    run(seed, -2, RunStatus::done, ScoreInterval{-5, 1, 0.95, "bootstrap over images, 500"});
  const auto rows = contrasts(plan());
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].difference, -2);
  EXPECT_FALSE(rows[0].p_value);
  EXPECT_EQ(rows[0].interval->low, -5);
  EXPECT_EQ(claims()[0].verdict, Verdict::inconclusive);
}

TEST_F(Verdicts, OfOneSeedWithoutAnIntervalAreInconclusive) {
  run(4, -2);
  EXPECT_EQ(claims()[0].verdict, Verdict::inconclusive);
}

TEST_F(Verdicts, OfOneSeedKeepTheIntervalOfTheRunThatHasTheScores) {
  // Another finished run comes first, without a score on either side.
  recorder.finish_run(begin_run(0), RunStatus::done);
  run(4, -2, RunStatus::done, ScoreInterval{-3, -1, 0.95, "bootstrap over samples, 500"});
  const auto rows = contrasts(plan());
  ASSERT_THAT(rows, SizeIs(1));
  ASSERT_TRUE(rows[0].interval);
  EXPECT_EQ(rows[0].interval->low, -3);
}

TEST_F(Verdicts, AdjustByHolmOverTheContrastsOfOneMetric) {
  run(0, -1);
  run(1, -2);
  run(2, -3);
  MethodPlan p;
  // a - b, and its mirror image: two equal p-values, both doubled.
  p.contrasts = {{"fd", "fd-small", "a", "b", {{"w", 2}}, {{"w", 0}}},
                 {"fd", "fd-small", "b", "a", {{"w", 0}}, {{"w", 2}}}};
  const auto rows = contrasts(p);
  ASSERT_THAT(rows, SizeIs(2));
  for (const ComparisonRow& row : rows) {
    EXPECT_THAT(row.p_adjusted, Optional(DoubleNear(2 * p2(2 * std::sqrt(3.0)), 1e-9)));
    EXPECT_THAT(row.interval->method, HasSubstr("Holm over 2"));
  }
}

TEST(VerdictOf, HoldsAtTheBordersThatTheRuleNames) {
  using Kind = ClaimRule::Kind;
  const auto of = [](Kind kind, double low, double high) { return verdict_of({kind, 1, 2}, low, high); };
  const Verdict yes = Verdict::supported, no = Verdict::contradicted, open = Verdict::inconclusive;
  EXPECT_EQ(of(Kind::below, 0, 0.9), yes);
  EXPECT_EQ(of(Kind::below, 0, 1), open);
  EXPECT_EQ(of(Kind::below, 1, 3), open);
  EXPECT_EQ(of(Kind::below, 1.1, 3), no);
  EXPECT_EQ(of(Kind::above, 1.1, 3), yes);
  EXPECT_EQ(of(Kind::above, 1, 3), open);
  EXPECT_EQ(of(Kind::above, 0, 1), open);
  EXPECT_EQ(of(Kind::above, 0, 0.9), no);
  EXPECT_EQ(of(Kind::at_least, 1, 3), yes);
  EXPECT_EQ(of(Kind::at_least, 0.9, 3), open);
  EXPECT_EQ(of(Kind::at_least, 0, 1), open);
  EXPECT_EQ(of(Kind::at_least, 0, 0.9), no);
  EXPECT_EQ(of(Kind::at_most, 0, 1), yes);
  EXPECT_EQ(of(Kind::at_most, 1, 1), yes);
  EXPECT_EQ(of(Kind::at_most, 0, 1.1), open);
  EXPECT_EQ(of(Kind::at_most, 1, 1.1), open);
  EXPECT_EQ(of(Kind::at_most, 1.1, 2), no);
  EXPECT_EQ(of(Kind::within, 1, 2), yes);
  EXPECT_EQ(of(Kind::within, 0.9, 2), open);
  EXPECT_EQ(of(Kind::within, 1, 2.1), open);
  EXPECT_EQ(of(Kind::within, 2, 3), open);
  EXPECT_EQ(of(Kind::within, 2.1, 3), no);
  EXPECT_EQ(of(Kind::within, 0, 0.9), no);
  EXPECT_EQ(of(Kind::report, 1.5, 1.5), open);
}

TEST_F(Verdicts, OfAScoreUseStudentsIntervalOverSeeds) {
  run(0, -1);
  run(1, -2);
  run(2, -3);  // 98 +- 2.48
  const ClaimRow row = value_below(101);
  EXPECT_EQ(row.verdict, Verdict::supported);
  EXPECT_THAT(row.statistic, Optional(DoubleEq(98)));
  EXPECT_THAT(row.high, Optional(DoubleNear(98 + t2 / std::sqrt(3.0), 1e-9)));
  EXPECT_THAT(row.seeds, ElementsAre(0, 1, 2));
  EXPECT_EQ(value_below(100).verdict, Verdict::inconclusive);
  EXPECT_EQ(value_below(95).verdict, Verdict::contradicted);
  EXPECT_EQ(value_below(100, true).verdict, Verdict::inconclusive) << "seeds that differ have an interval";
}

TEST_F(Verdicts, OfOneScoreWithoutAnIntervalNeedAnExactQuantity) {
  run(0, -2);
  EXPECT_EQ(value_below(99).verdict, Verdict::inconclusive);
  EXPECT_THAT(value_below(99).note, HasSubstr("no interval"));
  EXPECT_EQ(value_below(99, true).verdict, Verdict::supported);
  EXPECT_EQ(value_below(97, true).verdict, Verdict::contradicted);
  EXPECT_FALSE(value_below(99, true).low);
}

TEST_F(Verdicts, OfAValueThatAllSeedsShareCompareIt) {
  run(0, -2);
  run(1, -2);
  EXPECT_EQ(value_below(99).verdict, Verdict::supported);
  EXPECT_THAT(value_below(99).note, HasSubstr("every seed"));
}

TEST_F(Verdicts, OfAClaimThatOnlyReportsAreInconclusiveWithItsStatistic) {
  run(0, -2.0);
  run(1, -2.1);
  const ClaimRow row = judged({claim("report", difference("b"), ClaimRule{})})[0];
  EXPECT_EQ(row.verdict, Verdict::inconclusive);
  EXPECT_THAT(row.statistic, Optional(DoubleNear(-2.05, 1e-12)));
  EXPECT_TRUE(row.low);
  EXPECT_THAT(row.note, HasSubstr("no threshold"));
}

TEST_F(Verdicts, SayThatSeveralScoresMatch) {
  run(0, -2);
  Quantity any = difference("b");
  any.of.params = nlohmann::json::object();  // a has two scores, at w = 2 and w = 3
  const ClaimRow row = judged({claim("any", any, {ClaimRule::Kind::below, 0, 0})})[0];
  EXPECT_EQ(row.verdict, Verdict::not_run);
  EXPECT_THAT(row.note, HasSubstr("2 scores"));
}

TEST_F(Verdicts, OfAnArmWithItselfPairItsTwoScores) {
  run(0, -2);
  Quantity q = difference("a");
  q.minus->params = {{"w", 3}};
  const auto comparisons =
      judge(Query(store), batch, "self_guided", {}, {claim("itself", q, {ClaimRule::Kind::below, 0, 0})}).comparisons;
  ASSERT_THAT(comparisons, SizeIs(1));
  EXPECT_DOUBLE_EQ(comparisons[0].difference, 98 - 1e6);
  EXPECT_EQ(comparisons[0].params_b, (nlohmann::json{{"w", 3}}));
  EXPECT_THAT(judged({claim("itself", q, {ClaimRule::Kind::below, 0, 0})})[0].threshold,
              HasSubstr("a {\"w\":2} - a {\"w\":3}"));
}

TEST_F(Verdicts, NeedTheProtocolThatTheClaimNames) {
  run(0, -2.0);
  run(1, -2.1);
  Quantity other = difference("b");
  other.protocol = "fid-tf1";
  EXPECT_EQ(judged({claim("other", other, {ClaimRule::Kind::below, 0, 0})})[0].verdict, Verdict::not_run);
}

TEST_F(Verdicts, NameWhatTheConfigurationLacks) {
  run(0, -2);
  Claim absent;
  absent.absent = "/clusters/1";
  EXPECT_EQ(judged({absent})[0].verdict, Verdict::not_run);
  EXPECT_THAT(judged({absent})[0].note, HasSubstr("/clusters/1"));
}

TEST(ContrastsOf, AddTheDifferencesThatNoPlannedContrastGives) {
  Claim planned, own, value;
  planned.quantity = {"fd", "fd-small", {"a", {{"w", 2}}}, ScoreSelector{"b", nlohmann::json::object()}};
  own.quantity = {"fd", "fd-small", {"a", {{"w", 3}}}, ScoreSelector{"b", nlohmann::json::object()}};
  value.quantity = {"fd", "fd-small", {"a", {{"w", 4}}}, std::nullopt};
  const MethodPlan plan{{{"fd", "fd-small", "a", "b", {{"w", 2}, {"w_cfg", 1}}, {{"w", 0}}}}};
  const auto contrasts = contrasts_of(plan, {planned, own, value});
  ASSERT_THAT(contrasts, SizeIs(2));
  EXPECT_EQ(contrasts[1].params_a, (nlohmann::json{{"w", 3}}));
}

TEST(ContrastsOf, DoNotTakeOneOfSeveralPlannedOnes) {
  Claim any;
  any.quantity = {"fd", "fd-small", {"a", nlohmann::json::object()}, ScoreSelector{"b", nlohmann::json::object()}};
  const MethodPlan plan{{{"fd", "fd-small", "a", "b", {{"gamma", 1}}, {{"gamma", 1}}},
                         {"fd", "fd-small", "a", "b", {{"gamma", 2}}, {{"gamma", 2}}}}};
  EXPECT_THAT(contrasts_of(plan, {any}), SizeIs(3));
}

}  // namespace
}  // namespace assay
