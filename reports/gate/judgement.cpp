#include "reports/gate/judgement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/names.h"
#include "core/phrases.h"
#include "core/student_t.h"
#include "metrics/statistics/bootstrap.h"
#include "metrics/statistics/level_steps.h"
#include "metrics/statistics/rank_sum.h"
#include "reports/numbers.h"

namespace assay {
namespace {

constexpr Names<Finding> finding_names = {{"regressed", Finding::regressed},
                                          {"improved", Finding::improved},
                                          {"unchanged", Finding::unchanged},
                                          {"undecided", Finding::undecided}};
constexpr double level = 0.95;         // of the intervals
constexpr double least_share = 0.001;  // of a score: smaller changes are rounding
constexpr const char* paired_test = "paired t over seeds";
constexpr const char* welch_test = "Welch's t over seeds, unpaired";

using Values = std::vector<double>;

double mean_of(const Values& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double squares_of(const Values& values) {
  const double mean = mean_of(values);
  double squares = 0.0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return squares;
}

/// A difference with its standard error: interval and two-sided p-value by Student's t. No degrees of freedom: neither.
void set_change(Judgement& judgement, double change, double error, double degrees, std::string method) {
  judgement.change = change;
  if (degrees < 1.0) return;
  const double reach = error * student_t_quantile((1.0 + level) / 2.0, degrees);
  judgement.interval = ScoreInterval{change - reach, change + reach, level, std::move(method)};
  judgement.p_value = error > 0.0     ? std::min(1.0, 2.0 * student_t_upper_tail(std::abs(change) / error, degrees))
                      : change == 0.0 ? 1.0
                                      : 0.0;
}

/// What a change that counts is.
Finding finding_of(Better better, double change) {
  return (change > 0.0) == (better == Better::lower) ? Finding::regressed : Finding::improved;
}

/// The level steps of a series, and which batch each value is of.
struct Levels {
  LevelSteps found;
  std::vector<const Night*> first, last;  // nights of each value: several where they are equal to the bit
  std::int64_t baseline = 0, batch = 0;   // places of their values
};

/// Sets the steps and the change between the levels of baseline and batch. False where they lie on one level. With
/// `dependent` nights each level counts as one night (judgement.h).
bool set_steps(Judgement& judgement, const Levels& levels, bool dependent = false) {
  const std::size_t from = levels.found.level_of(levels.baseline), to = levels.found.level_of(levels.batch);
  judgement.nights = static_cast<std::int64_t>(levels.first.size());
  if (from == to) return false;
  for (std::size_t i = std::min(from, to); i < std::max(from, to); ++i) {
    const Level& old_level = levels.found.levels[i];
    const Level& new_level = levels.found.levels[i + 1];
    const auto at = static_cast<std::size_t>(new_level.first);
    judgement.steps.push_back(
        {levels.last[at - 1]->batch, levels.first[at]->batch, levels.first[at]->run, new_level.mean - old_level.mean});
  }
  const Level& old_level = levels.found.levels[from];
  const Level& new_level = levels.found.levels[to];
  judgement.before = old_level.mean;
  judgement.after = new_level.mean;
  const double parts =
      dependent ? 2.0 : 1.0 / static_cast<double>(old_level.count) + 1.0 / static_cast<double>(new_level.count);
  const double error = std::sqrt(levels.found.variance * parts);
  set_change(judgement, new_level.mean - old_level.mean, error, levels.found.degrees,
             fmt::format("t between levels of {} and {}{}", counted(old_level.count, "night"),
                         counted(new_level.count, "night"), dependent ? ", each as one" : ""));
  return true;
}

/// The scores of a night for these seeds; none where one is missing.
Values scores_of(const Night& night, const std::vector<std::int64_t>& seeds) {
  Values scores;
  scores.reserve(seeds.size());
  auto value = night.values.begin();
  for (const std::int64_t seed : seeds) {
    while (value != night.values.end() && value->first < seed) ++value;
    if (value == night.values.end() || value->first != seed) return {};
    scores.push_back(value->second);
  }
  return scores;
}

std::vector<std::int64_t> shared_seeds(const Night& a, const Night& b) {
  std::vector<std::int64_t> seeds;
  for (const auto& [seed, value] : a.values)
    if (std::any_of(b.values.begin(), b.values.end(),
                    [wanted = seed](const auto& other) { return other.first == wanted; }))
      seeds.push_back(seed);
  return seeds;
}

Values values_of(const Night& night) {
  Values values;
  values.reserve(night.values.size());
  for (const auto& [seed, value] : night.values) values.push_back(value);
  return values;
}

/// How much the differences between nights vary from seed to seed, as what is known of the variance of a mean over
/// them.
KnownVariance interactions(const std::vector<Values>& nights) {
  const std::size_t seeds = nights.front().size();
  Values of_seed(seeds, 0.0), of_night;
  of_night.reserve(nights.size());
  for (const Values& night : nights) {
    of_night.push_back(mean_of(night));
    for (std::size_t s = 0; s < seeds; ++s) of_seed[s] += night[s] / static_cast<double>(nights.size());
  }
  const double all = mean_of(of_night);
  double squares = 0.0;
  for (std::size_t n = 0; n < nights.size(); ++n)
    for (std::size_t s = 0; s < seeds; ++s) {
      const double rest = nights[n][s] - of_night[n] - of_seed[s] + all;
      squares += rest * rest;
    }
  const auto count = static_cast<double>(seeds);
  return {squares / count, static_cast<double>(nights.size() - 1) * (count - 1.0)};
}

/// The standard deviation over seeds within a night, pooled over nights.
double spread_over_seeds(const std::vector<Values>& nights) {
  double squares = 0.0;
  for (const Values& night : nights) squares += squares_of(night);
  return std::sqrt(squares / (static_cast<double>(nights.size()) * static_cast<double>(nights.front().size() - 1)));
}

Judgement judge_unpaired(const Night& old_night, const Night& new_night, const GateLimits& limits) {
  Judgement judgement;
  const Values a = values_of(old_night), b = values_of(new_night);
  judgement.before = mean_of(a);
  judgement.after = mean_of(b);
  judgement.change = judgement.after - judgement.before;
  judgement.nights = 2;
  if (a.size() < 2 || b.size() < 2) {
    judgement.note = "no seed in common, and one side has one seed alone";
    return judgement;
  }
  const auto n = static_cast<double>(a.size()), m = static_cast<double>(b.size());
  const double of_a = squares_of(a) / (n - 1.0) / n, of_b = squares_of(b) / (m - 1.0) / m;
  const double error = std::sqrt(of_a + of_b);
  const double degrees =
      error > 0.0 ? (of_a + of_b) * (of_a + of_b) / (of_a * of_a / (n - 1.0) + of_b * of_b / (m - 1.0)) : n + m - 2.0;
  set_change(judgement, judgement.change, error, degrees, welch_test);
  judgement.least = std::max(limits.loss * std::sqrt((squares_of(a) + squares_of(b)) / (n + m - 2.0)),
                             least_share * std::abs(judgement.before));
  judgement.finding = Finding::unchanged;
  judgement.note = "no seed in common: compared unpaired";
  return judgement;
}

Judgement judge_quality(const GateSeries& series, const Night& old_night, const Night& new_night, double alpha,
                        const GateLimits& limits) {
  const std::vector<std::int64_t> seeds = shared_seeds(old_night, new_night);
  if (seeds.empty()) return judge_unpaired(old_night, new_night, limits);
  Judgement judgement;
  Levels levels;
  std::vector<Values> nights;
  std::int64_t without = 0;
  for (const Night& night : series.nights) {
    Values scores = scores_of(night, seeds);
    if (scores.empty()) {
      ++without;
      continue;
    }
    if (nights.empty() || scores != nights.back()) {
      nights.push_back(std::move(scores));
      levels.first.push_back(&night);
      levels.last.push_back(&night);
    }
    levels.last.back() = &night;
    const auto place = static_cast<std::int64_t>(nights.size()) - 1;
    if (&night == &old_night) levels.baseline = place;
    if (&night == &new_night) levels.batch = place;
  }
  if (without > 0) judgement.note = fmt::format("{} without all of these seeds left out", counted(without, "night"));
  Values means;
  means.reserve(nights.size());
  for (const Values& night : nights) means.push_back(mean_of(night));
  const Values& before = nights[static_cast<std::size_t>(levels.baseline)];
  const Values& after = nights[static_cast<std::size_t>(levels.batch)];
  judgement.before = mean_of(before);
  judgement.after = mean_of(after);
  judgement.change = judgement.after - judgement.before;
  judgement.nights = static_cast<std::int64_t>(nights.size());
  judgement.finding = Finding::unchanged;
  if (levels.baseline == levels.batch || before == after) {
    if (judgement.note.empty()) judgement.note = "equal to the bit";
    return judgement;
  }
  levels.found = find_levels(means, alpha, interactions(nights));
  const bool one_seed = seeds.size() == 1;
  if (one_seed && levels.found.degrees < 2.0) {
    judgement.finding = Finding::undecided;
    judgement.note = fmt::format("one seed, and {} of different scores: nothing says how much they scatter",
                                 counted(std::ssize(nights), "night"));
    return judgement;
  }
  judgement.least = std::max(limits.loss * (one_seed ? std::sqrt(levels.found.variance) : spread_over_seeds(nights)),
                             least_share * std::abs(judgement.before));
  if (set_steps(judgement, levels)) {
    if (std::abs(judgement.change) >= judgement.least && judgement.p_value.value_or(1.0) <= limits.alpha)
      judgement.finding = finding_of(series.better, judgement.change);
  } else if (one_seed) {
    set_change(judgement, judgement.change, std::sqrt(2.0 * levels.found.variance), levels.found.degrees,
               fmt::format("t over {}, one seed", counted(std::ssize(nights), "night")));
  } else {
    const PairedDifference paired = paired_difference(after, before, level);
    judgement.interval = paired.interval;
    judgement.interval->method = paired_test;
    judgement.p_value = paired.p_value;
  }
  return judgement;
}

/// The repetitions of all nights of a level.
Values repetitions_of(const GateSeries& series, const Level& of) {
  Values all;
  for (std::int64_t i = of.first; i < of.first + of.count; ++i) {
    const Values some = values_of(series.nights[static_cast<std::size_t>(i)]);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

/// Logarithms of times become times, differences of logarithms shares of the old time.
void in_seconds(Judgement& judgement) {
  judgement.before = std::exp(judgement.before);
  judgement.after = std::exp(judgement.after);
  judgement.change = std::expm1(judgement.change);
  if (judgement.interval) {
    judgement.interval->low = std::expm1(judgement.interval->low);
    judgement.interval->high = std::expm1(judgement.interval->high);
  }
  for (GateStep& step : judgement.steps) step.change = std::expm1(step.change);
}

Judgement judge_speed(const GateSeries& series, const Night& old_night, const Night& new_night, double alpha,
                      const GateLimits& limits) {
  Judgement judgement;
  Levels levels;
  Values medians;
  medians.reserve(series.nights.size());
  for (const Night& night : series.nights) {
    medians.push_back(quantile(values_of(night), 0.5));
    levels.first.push_back(&night);
    levels.last.push_back(&night);
  }
  levels.baseline = &old_night - series.nights.data();
  levels.batch = &new_night - series.nights.data();
  judgement.before = medians[static_cast<std::size_t>(levels.baseline)];
  judgement.after = medians[static_cast<std::size_t>(levels.batch)];
  judgement.change = judgement.after - judgement.before;
  judgement.nights = std::ssize(medians);
  judgement.finding = Finding::unchanged;
  judgement.least = limits.speed;
  if (levels.baseline == levels.batch) {
    judgement.note = "is the baseline itself";
    in_seconds(judgement);
    return judgement;
  }
  levels.found = find_levels(medians, alpha);
  // A share of the time, in either direction the same step of its logarithm.
  const auto counts = [&](double change, double share) { return std::abs(change) >= std::log1p(share); };
  const bool dependent = series.whole_machine;
  if (!(dependent && judgement.nights < few_nights) && set_steps(judgement, levels, dependent)) {
    const Values before = repetitions_of(series, levels.found.levels[levels.found.level_of(levels.baseline)]);
    const Values after = repetitions_of(series, levels.found.levels[levels.found.level_of(levels.batch)]);
    if (counts(judgement.change, limits.speed) &&
        judgement.p_value.value_or(1.0) <= (dependent ? alpha : limits.alpha)) {
      if (rank_sum_p_value(before, after) <= rank_level)
        judgement.finding = finding_of(series.better, judgement.change);
      else
        judgement.note = "too few repetitions for the rank test to agree: the next nights decide";
    }
  } else {
    const Values before = values_of(old_night), after = values_of(new_night);
    if (judgement.nights >= few_nights) {
      set_change(judgement, judgement.change, std::sqrt(2.0 * levels.found.variance), levels.found.degrees,
                 fmt::format("t over {}", counted(judgement.nights, "night")));
    } else {
      judgement.least = std::max(limits.speed, early_change);
      judgement.p_value = rank_sum_p_value(before, after);
      if (counts(judgement.change, judgement.least)) {
        if (*judgement.p_value <= rank_level) {
          judgement.finding = finding_of(series.better, judgement.change);
          judgement.note =
              fmt::format("{} so far: by the rank test of repetitions", counted(judgement.nights, "night"));
        } else {
          judgement.finding = Finding::undecided;
          judgement.note = fmt::format("{} so far, and {} against {} do not settle it: the next nights decide",
                                       counted(judgement.nights, "night"), counted(std::ssize(after), "repetition"),
                                       std::ssize(before));
        }
      }
    }
  }
  if (const double shared = new_night.shared - old_night.shared; counts(shared, limits.speed))
    judgement.note +=
        fmt::format("{}besides {} % {} that all timings of this machine share", judgement.note.empty() ? "" : "; ",
                    format_significant(100.0 * std::abs(std::expm1(shared)), 2), shared > 0.0 ? "slower" : "faster");
  in_seconds(judgement);
  return judgement;
}

}  // namespace

std::string name_of(Finding finding) { return name_of(finding, finding_names); }

Judgement judge(const GateSeries& series, RowId baseline, RowId batch, std::size_t family, const GateLimits& limits) {
  const Night& old_night = series.nights.at(static_cast<std::size_t>(series.night_of(baseline)));
  const Night& new_night = series.nights.at(static_cast<std::size_t>(series.night_of(batch)));
  const double alpha = limits.alpha / static_cast<double>(std::max<std::size_t>(family, 1));
  return series.kind == SeriesKind::quality ? judge_quality(series, old_night, new_night, alpha, limits)
                                            : judge_speed(series, old_night, new_night, alpha, limits);
}

void judge_direct(std::vector<std::pair<const GateSeries*, Judgement*>> all, const GateLimits& limits) {
  std::erase_if(all, [](const auto& one) {
    const Judgement& judgement = *one.second;
    return one.first->kind != SeriesKind::quality || judgement.nights >= few_nights || !judgement.steps.empty() ||
           !judgement.interval ||
           (judgement.interval->method != paired_test && judgement.interval->method != welch_test);
  });
  std::vector<double> p_values;
  p_values.reserve(all.size());
  for (const auto& one : all) p_values.push_back(one.second->p_value.value());
  const std::vector<double> adjusted = holm(p_values);
  for (std::size_t i = 0; i < all.size(); ++i) {
    Judgement& judgement = *all[i].second;
    judgement.p_adjusted = adjusted[i];
    if (adjusted[i] <= limits.alpha && std::abs(judgement.change) >= judgement.least)
      judgement.finding = finding_of(all[i].first->better, judgement.change);
  }
}

}  // namespace assay
