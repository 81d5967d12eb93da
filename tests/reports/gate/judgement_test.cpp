#include "reports/gate/judgement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/philox.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

/// A night of scores by seed 0, 1, ...; or, for one of `first` on, by seed first, first + 1, ...
Night scores(RowId batch, const std::vector<double>& values, std::int64_t first = 0) {
  Night night{batch, 100 + batch, {}};
  for (const double value : values) night.values.emplace_back(first + std::ssize(night.values), value);
  return night;
}

GateSeries quality(std::vector<Night> nights, Better better = Better::lower) {
  GateSeries series;
  series.better = better;
  series.nights = std::move(nights);
  return series;
}

GateSeries speed(const std::vector<std::vector<double>>& seconds) {
  GateSeries series;
  series.kind = SeriesKind::speed;
  series.better = Better::lower;
  for (const std::vector<double>& night : seconds) {
    series.nights.push_back({std::ssize(series.nights) + 1, 0, {}});
    for (const double value : night) series.nights.back().values.emplace_back(0, std::log(value));
  }
  return series;
}

Judgement judged(const GateSeries& series, std::size_t family = 1) {
  const GateLimits limits;
  Judgement judgement = judge(series, series.nights.front().batch, series.nights.back().batch, family, limits);
  judge_direct({{&series, &judgement}}, limits);
  return judgement;
}

TEST(Judgement, OfTwoNightsIsThePairedTestOverSeeds) {
  const std::vector<double> before = {10, 12, 14, 11}, after = {13.0, 15.1, 17.0, 13.9};
  const Judgement worse = judged(quality({scores(1, before), scores(2, after)}));
  const PairedDifference paired = paired_difference(after, before);
  EXPECT_EQ(worse.finding, Finding::regressed);
  EXPECT_DOUBLE_EQ(worse.change, 3.0);
  EXPECT_NEAR(worse.p_value.value(), paired.p_value, 1e-12);
  EXPECT_NEAR(worse.interval.value().low, paired.interval.low, 1e-9);
  const Judgement better = judged(quality({scores(1, before), scores(2, after)}, Better::higher));
  EXPECT_EQ(better.finding, Finding::improved);
}

TEST(Judgement, KeepsTheFamilysErrorAsManySeriesAreJudged) {
  const GateSeries series = quality({scores(1, {10, 12, 14, 11}), scores(2, {12.5, 15.6, 16.9, 14.0})});
  const GateSeries calm = quality({scores(1, {1, 2, 3, 5}), scores(2, {2, 1, 5, 3})});
  const GateLimits limits;
  std::vector<Judgement> all(40, judge(calm, 1, 2, 40, limits));
  all.front() = judge(series, 1, 2, 40, limits);
  std::vector<std::pair<const GateSeries*, Judgement*>> direct;
  direct.reserve(all.size());
  for (Judgement& one : all) direct.emplace_back(&one == &all.front() ? &series : &calm, &one);
  judge_direct(direct, limits);
  EXPECT_NEAR(all.front().p_adjusted.value(), 40 * all.front().p_value.value(), 1e-12);
  EXPECT_EQ(all.front().finding, Finding::unchanged) << "of 40 series one such is chance";
  EXPECT_EQ(judged(series).finding, Finding::regressed) << "alone it is none";
}

TEST(Judgement, OfScoresThatAreEqualToTheBitIsUnchanged) {
  const Judgement same = judged(quality({scores(1, {1, 2, 3}), scores(2, {1, 2, 3}), scores(3, {1, 2, 3})}));
  EXPECT_EQ(same.finding, Finding::unchanged);
  EXPECT_EQ(same.change, 0.0);
  EXPECT_EQ(same.note, "equal to the bit");
}

TEST(Judgement, LearnsNothingFromRepeatingAComputation) {
  // The difference is as sure after one night as after ten that only computed it again.
  std::vector<Night> nights = {scores(1, {10, 12, 14}), scores(2, {11.0, 12.2, 15.5})};
  const Judgement once = judged(quality(nights));
  for (RowId batch = 3; batch < 12; ++batch) nights.push_back(scores(batch, {11.0, 12.2, 15.5}));
  const Judgement often = judged(quality(nights));
  EXPECT_EQ(once.p_value, often.p_value);
  EXPECT_EQ(often.nights, 2);
  EXPECT_EQ(once.finding, Finding::unchanged);
}

TEST(Judgement, OfOneSeedInAFirstComparisonIsLeftOpen) {
  const Judgement one = judged(quality({scores(1, {10}), scores(2, {20})}));
  EXPECT_EQ(one.finding, Finding::undecided);
  EXPECT_THAT(one.note, HasSubstr("one seed"));
  EXPECT_FALSE(one.p_value);
  EXPECT_DOUBLE_EQ(one.change, 10.0);
}

TEST(Judgement, OfOneSeedRestsOnTheNightsBefore) {
  RandomStream random(5, Purpose::resample, 0);
  std::vector<Night> nights;
  for (RowId batch = 1; batch <= 20; ++batch) nights.push_back(scores(batch, {50 + random.normal()}));
  EXPECT_EQ(judged(quality(nights), 100).finding, Finding::unchanged);
  nights.push_back(scores(21, {70}));
  const Judgement worse = judged(quality(nights), 100);
  EXPECT_EQ(worse.finding, Finding::regressed);
  ASSERT_EQ(worse.steps.size(), 1U);
  EXPECT_EQ(worse.steps[0].batch, 21);
  EXPECT_EQ(worse.steps[0].before, 20);
  EXPECT_EQ(worse.steps[0].run, 121);
}

TEST(Judgement, ComparesTheSeedsThatBothHave) {
  const Judgement some = judged(quality({scores(1, {10, 12, 14, 16}), scores(2, {13, 15.1, 17, 99}, 1)}));
  // Seeds 1, 2 and 3: 12, 14, 16 became 13, 15.1, 17.
  EXPECT_NEAR(some.change, 3.1 / 3.0, 1e-12);
  const Judgement none = judged(quality({scores(1, {10, 11, 10.5}), scores(2, {30, 31, 30.5}, 7)}));
  EXPECT_EQ(none.finding, Finding::regressed);
  EXPECT_THAT(none.note, HasSubstr("unpaired"));
  const Judgement single = judged(quality({scores(1, {10}), scores(2, {30, 31}, 7)}));
  EXPECT_EQ(single.finding, Finding::undecided);
}

TEST(Judgement, LeavesOutNightsThatLackASeed) {
  const Judgement gap = judged(quality({scores(1, {10, 12, 14}), scores(2, {10, 12}), scores(3, {10.1, 12.0, 13.8})}));
  EXPECT_EQ(gap.nights, 2);
  EXPECT_THAT(gap.note, HasSubstr("1 night without all of these seeds"));
}

TEST(Judgement, PassesOverDifferencesOfRounding) {
  const Judgement rounding = judged(quality({scores(1, {5, 5, 5}), scores(2, {5.0000001, 5.0000001, 5.0000001})}));
  EXPECT_EQ(rounding.finding, Finding::unchanged) << "all seeds by the same amount, but a millionth of a percent";
  const Judgement real = judged(quality({scores(1, {5, 5, 5}), scores(2, {6, 6, 6})}));
  EXPECT_EQ(real.finding, Finding::regressed);
}

TEST(Judgement, OfTwoSmallSlowDownsListsBoth) {
  RandomStream random(1, Purpose::resample, 0);
  std::vector<std::vector<double>> seconds;
  for (int night = 0; night < 45; ++night) {
    const double mean = 0.01 * std::pow(1.04, night / 15);
    seconds.emplace_back();
    const double of_night = 0.006 * random.normal();
    for (int r = 0; r < 5; ++r) seconds.back().push_back(mean * std::exp(of_night + 0.005 * random.normal()));
  }
  const Judgement slower = judged(speed(seconds), 100);
  EXPECT_EQ(slower.finding, Finding::regressed);
  EXPECT_NEAR(slower.change, 1.04 * 1.04 - 1.0, 0.01);
  ASSERT_EQ(slower.steps.size(), 2U);
  EXPECT_NEAR(slower.steps[0].change, 0.04, 0.01);
  EXPECT_NEAR(slower.steps[1].change, 0.04, 0.01);
  EXPECT_EQ(slower.steps[0].batch, 16);
  EXPECT_EQ(slower.steps[1].batch, 31);
}

TEST(Judgement, OfASlowDownThatPassedIsUnchanged) {
  RandomStream random(2, Purpose::resample, 0);
  std::vector<std::vector<double>> seconds;
  for (int night = 0; night < 30; ++night) {
    const double mean = night >= 10 && night < 20 ? 1.3 : 1.0;
    seconds.push_back({mean * std::exp(0.01 * random.normal()), mean * std::exp(0.01 * random.normal())});
  }
  const Judgement passed = judged(speed(seconds), 100);
  EXPECT_EQ(passed.finding, Finding::unchanged);
  EXPECT_EQ(passed.steps.size(), 2U) << "it is still said";
}

TEST(Judgement, OfSpeedOnASecondNightNeedsATenthAndTheRankTest) {
  const std::vector<double> old_times = {1.00, 1.01, 0.99, 1.02, 0.98};
  EXPECT_EQ(judged(speed({old_times, {1.20, 1.21, 1.19, 1.22, 1.18}})).finding, Finding::regressed);
  EXPECT_EQ(judged(speed({old_times, {0.80, 0.81, 0.79, 0.82, 0.78}})).finding, Finding::improved);
  EXPECT_EQ(judged(speed({old_times, {1.05, 1.06, 1.04, 1.07, 1.03}})).finding, Finding::unchanged);
  const Judgement few = judged(speed({{1.0, 1.01}, {1.5, 1.51}}));
  EXPECT_EQ(few.finding, Finding::undecided);
  EXPECT_THAT(few.note, HasSubstr("2 repetitions against 2"));
  EXPECT_NEAR(few.change, 1.505 / 1.005 - 1.0, 1e-3);
}

TEST(Judgement, OfOneSlowRepetitionWaitsForTheNextNight) {
  std::vector<std::vector<double>> seconds(12, std::vector<double>{});
  RandomStream random(3, Purpose::resample, 0);
  for (auto& night : seconds) night.push_back(std::exp(0.005 * random.normal()));
  seconds.push_back({1.4});
  const Judgement first = judged(speed(seconds), 100);
  EXPECT_EQ(first.finding, Finding::unchanged);
  EXPECT_THAT(first.note, HasSubstr("next nights decide"));
  // The rank test of twelve against one, two and three: 2 in 13, in 91 and in 455.
  seconds.push_back({1.41});
  EXPECT_EQ(judged(speed(seconds), 100).finding, Finding::unchanged);
  seconds.push_back({1.39});
  EXPECT_EQ(judged(speed(seconds), 100).finding, Finding::regressed);
}

/// Six timings with centres of their own in nine nights that share `machine`; from night 6 on the first is a fifth
/// slower.
std::vector<GateSeries> timings_of(const std::vector<double>& machine) {
  std::vector<GateSeries> all;
  for (int i = 0; i < 6; ++i) {
    std::vector<std::vector<double>> seconds;
    seconds.reserve(machine.size());
    for (std::size_t night = 0; night < machine.size(); ++night)
      seconds.push_back({(i + 1) * machine[night] * (i == 0 && night >= 5 ? 1.2 : 1.0)});
    all.push_back(speed(seconds));
    all.back().setting = R"({"cpu":"EPYC","cores":2,"threads":)" + std::to_string(1 + i % 2) + "}";
  }
  return all;
}

TEST(SharedSpeed, IsTakenOutOfAllTimingsAndLeavesWhatIsTheirOwn) {
  const std::vector<double> machine = {1.0, 1.1, 0.95, 1.3, 1.0, 1.2, 1.05, 0.9, 1.0};
  const std::vector<RowId> in_time = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  std::vector<GateSeries> all = timings_of(machine);
  const std::vector<GateSeries> shared = take_out_shared_speed(all, in_time);
  ASSERT_EQ(shared.size(), 1U);
  ASSERT_EQ(shared[0].nights.size(), 9U);
  EXPECT_EQ(shared[0].label(), "all timings of this machine");
  for (std::size_t night = 0; night < 9; ++night) {
    const auto own = [&](std::size_t i) {
      return all[i].nights[night].values[0].second - all[i].nights[0].values[0].second;
    };
    EXPECT_NEAR(own(0), night >= 5 ? std::log(1.2) : 0.0, 1e-12) << night;
    EXPECT_NEAR(own(5), 0.0, 1e-12) << night;
    EXPECT_NEAR(all[3].nights[night].shared - all[3].nights[0].shared, std::log(machine[night]), 1e-12) << night;
    EXPECT_EQ(shared[0].nights[night].values.size(), 6U);
  }
}

TEST(SharedSpeed, NeedsFiveTimingsOfOneMachine) {
  std::vector<GateSeries> all = timings_of({1.0, 1.1, 1.2});
  all[0].setting = all[1].setting = R"({"cpu":"Xeon","cores":2})";
  const std::vector<GateSeries> before = all;
  EXPECT_TRUE(take_out_shared_speed(all, {1, 2, 3}).empty());
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].nights[2].values, before[i].nights[2].values);
}

TEST(Judgement, OfAWholeMachineCountsALevelAsOneNight) {
  std::vector<std::vector<double>> seconds;
  seconds.reserve(20);
  for (int night = 0; night < 20; ++night)
    seconds.emplace_back(5, std::exp((night % 2 == 0 ? 0.01 : -0.01) + (night < 10 ? 0.0 : 0.035)));
  GateSeries series = speed(seconds);
  EXPECT_EQ(judged(series).finding, Finding::regressed) << "nights that do not depend on each other";
  series.whole_machine = true;
  const Judgement dependent = judged(series);
  EXPECT_EQ(dependent.finding, Finding::unchanged);
  EXPECT_EQ(dependent.steps.size(), 1U) << "it is still said";
  // 0.035 against sqrt(2) deviations of a night, whose variance is 20 * 0.01^2 / 18: t = 2.35 with 18 degrees of
  // freedom.
  EXPECT_NEAR(dependent.p_value.value(), 0.030513, 1e-6);
}

TEST(Judgement, OfABaselineWithItselfIsUnchanged) {
  EXPECT_EQ(judged(quality({scores(1, {1, 2, 3})})).finding, Finding::unchanged);
  EXPECT_EQ(judged(speed({{1.0, 1.1}})).finding, Finding::unchanged);
}

}  // namespace
}  // namespace assay
