// How often the gate is wrong, and what it catches: stores of many nights are made up, without change and with one.
//
// The noise. A score of a seed is the seed's own part, which stays from night to night, and a part that is drawn anew
// each night, as if the code rounded otherwise every night: `kept` is the seed's share of the variance. A time is
// lognormal: a drift of the machine that all series of a night share (autoregressive), a part of each series and night,
// and a part of each repetition, one in twenty of which was disturbed by something else.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/philox.h"
#include "reports/gate/judgement.h"

namespace assay {
namespace {

struct Model {
  int scores = 12, seeds = 5;
  double kept = 0.7;  // of a score's variance over seeds
  int times = 24, repetitions = 10;
  double drift = 0.006, drift_kept = 0.7;  // deviation of the logarithm, and its correlation from night to night
  double night = 0.005, repetition = 0.02;
};

/// What a night adds to the first series of each kind, standard deviations over seeds and logarithms of time, and to
/// all times.
struct Change {
  double score = 0.0, time = 0.0, all_times = 0.0;
};

/// Nights one after the other, each judged against the first.
class Nights {
 public:
  Nights(const Model& model, std::uint64_t seed) : model_(model), random_(seed, Purpose::resample, 0) {
    for (int i = 0; i < model.scores + model.times; ++i) {
      GateSeries series;
      series.kind = i < model.scores ? SeriesKind::quality : SeriesKind::speed;
      series.better = Better::lower;
      series.setting = "{}";
      series_.push_back(series);
      of_seed_.emplace_back();
      for (int s = 0; s < model.seeds; ++s) of_seed_.back().push_back(random_.normal());
    }
    drift_ = model.drift * random_.normal();
  }

  void add(const Change& change = {}) {
    drift_ = model_.drift_kept * drift_ +
             model_.drift * std::sqrt(1.0 - model_.drift_kept * model_.drift_kept) * random_.normal();
    batches_.push_back(++batch_);
    for (int i = 0; i < static_cast<int>(series_.size()); ++i) {
      Night night{batch_, 0, {}};
      const auto place = static_cast<std::size_t>(i);
      if (i < model_.scores) {
        for (int s = 0; s < model_.seeds; ++s)
          night.values.emplace_back(s, 20.0 + std::sqrt(model_.kept) * of_seed_[place][static_cast<std::size_t>(s)] +
                                           std::sqrt(1.0 - model_.kept) * random_.normal() +
                                           (i == 0 ? change.score : 0.0));
      } else {
        const double of_night =
            drift_ + model_.night * random_.normal() + (i == model_.scores ? change.time : 0.0) + change.all_times;
        for (int r = 0; r < model_.repetitions; ++r) {
          const double disturbed = random_.uniform() < 0.05 ? -0.1 * std::log(1.0 - random_.uniform()) : 0.0;
          night.values.emplace_back(0, -5.0 + of_night + model_.repetition * random_.normal() + disturbed);
        }
      }
      series_[place].nights.push_back(std::move(night));
    }
  }

  /// Which series regressed in the last night: scores, times, and last what the times share.
  std::vector<int> regressed() const {
    std::vector<GateSeries> all = series_;
    for (GateSeries& machine : take_out_shared_speed(all, batches_)) all.push_back(std::move(machine));
    std::vector<Judgement> judged;
    judged.reserve(all.size());
    for (const GateSeries& series : all) judged.push_back(judge(series, 1, batch_, all.size(), limits_));
    std::vector<std::pair<const GateSeries*, Judgement*>> direct;
    direct.reserve(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) direct.emplace_back(&all[i], &judged[i]);
    judge_direct(direct, limits_);
    std::vector<int> found;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (judged[i].finding == Finding::regressed) found.push_back(static_cast<int>(i));
    return found;
  }

 private:
  Model model_;
  GateLimits limits_;
  RandomStream random_;
  std::vector<GateSeries> series_;
  std::vector<std::vector<double>> of_seed_;
  double drift_ = 0.0;
  RowId batch_ = 0;
  std::vector<RowId> batches_;
};

int false_alarms(const Model& model, int nights, std::uint64_t seed) {
  Nights store(model, seed);
  store.add();
  int alarms = 0;
  for (int night = 1; night < nights; ++night) {
    store.add();
    alarms += store.regressed().empty() ? 0 : 1;
  }
  return alarms;
}

/// In how many of 100 stores a change after `before` nights is seen within three nights.
int caught(const Model& model, const Change& change, int series, int before = 30) {
  int count = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Nights store(model, 1000 + seed);
    for (int night = 0; night < before; ++night) store.add();
    bool seen = false;
    for (int night = 0; night < 3 && !seen; ++night) {
      store.add(change);
      for (const int found : store.regressed()) seen = seen || found == series;
    }
    count += seen ? 1 : 0;
  }
  return count;
}

TEST(GateSimulation, RaisesAtMostTwoFalseAlarmsIn200Nights) {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const int alarms = false_alarms({}, 200, seed);
    RecordProperty("alarms_" + std::to_string(seed), alarms);
    EXPECT_LE(alarms, 2) << "seed " << seed;
  }
}

TEST(GateSimulation, CatchesATwentiethOfSpeedWithinThreeNights) {
  const int count = caught({}, {0.0, std::log(1.05)}, Model{}.scores);
  RecordProperty("caught", count);
  EXPECT_GE(count, 95);
}

TEST(GateSimulation, CatchesATwentiethOfAllTimesAsOneSeries) {
  const int count = caught({}, {0.0, 0.0, std::log(1.05)}, Model{}.scores + Model{}.times);
  RecordProperty("caught", count);
  EXPECT_GE(count, 95);
}

TEST(GateSimulation, CatchesADeviationOfQualityWithinThreeNights) {
  const int count = caught({}, {1.0, 0.0}, 0);
  RecordProperty("caught", count);
  EXPECT_GE(count, 95);
}

TEST(GateSimulation, CatchesALargeLossOnTheSecondNightOfAStore) {
  EXPECT_GE(caught({}, {0.0, std::log(1.2)}, Model{}.scores, 1), 99) << "speed, by the rank test";
}

}  // namespace
}  // namespace assay
