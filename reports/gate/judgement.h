#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/score_interval.h"
#include "reports/gate/series.h"

namespace assay {

/// What counts as a change.
struct GateLimits {
  /// For each of the two tests of a night, steps and the direct comparison: the chance that any series that did not
  /// change is called worse.
  double alpha = 0.01;
  double speed = 0.03;  // the least change of a time, as a share of it
  double loss = 0.5;    // the least change of a score, in standard deviations of it over seeds
};

enum class Finding { regressed, improved, unchanged, undecided };
std::string name_of(Finding finding);

/// A step between the baseline and the batch that is judged.
struct GateStep {
  RowId before = 0;  // the last batch at the old level
  RowId batch = 0;   // the first one at the new level
  RowId run = 0;     // its first run; 0 outside runs
  double change = 0.0;
};

/// What is found of a series. Values of quality are scores, changes their differences; values of speed are seconds per
/// item, of a whole machine multiples of its usual ones; changes are shares of the old time: 0.05 is 5 % slower.
struct Judgement {
  Finding finding = Finding::undecided;
  double before = 0.0, after = 0.0, change = 0.0;
  std::optional<ScoreInterval> interval;  // of the change; its method is the test
  std::optional<double> p_value;          // of the change, before any adjustment
  std::optional<double> p_adjusted;       // of the direct comparison of scores, by Holm over them
  double least = 0.0;                     // changes below it do not count
  std::vector<GateStep> steps;            // between the baseline and the batch, in order; none: no step was found
  std::string note;                       // why it is undecided, or what was left out
  std::int64_t nights = 0;                // that the judgement rests on
};

/// Below so many nights, little is known of their scatter, and the direct comparison with the baseline counts too.
inline constexpr std::int64_t few_nights = 8;
/// That of speed, as asv's: so large a change of the time, and a rank test at this level. Steps of speed need the rank
/// test too.
inline constexpr double early_change = 0.10;
inline constexpr double rank_level = 0.01;

/// Judges series of one night against their baselines.
///
/// A series' nights are searched for steps by find_levels() at alpha / `family`, so that for independent normal noise
/// the chance of any false step for the worse in a night is at most alpha (Bonferroni over series and over tails). The
/// value of a night is the mean of a score over the seeds that the batch and its baseline share, or the median
/// logarithm of a time. For scores, how much seeds differ in their differences between nights is pooled into the
/// variance, which for two nights is the paired t-test over seeds; nights whose scores are equal to the bit are one
/// observation, since repeating a computation says nothing new. Where batch and baseline lie on different levels, the
/// change is that of the levels; it counts if it is at least as large as `limits` say, and for speed if a rank test of
/// the repetitions of both levels (Mann and Whitney) agrees at rank_level.
///
/// Below few_nights the direct comparison with the baseline stands beside it: for scores the paired t-test over seeds,
/// for seeds that do not match Welch's, with Holm's adjustment over all of them (judge_direct); for speed a change of
/// early_change on which the rank test agrees, which has no bound on false alarms where nights scatter as widely.
///
/// What all timings of a machine share (GateSeries::whole_machine) follows itself from night to night, so its nights
/// say less than as many independent ones, and how much less a short history does not tell. The mean of a level never
/// varies more than one of its nights does, however closely they follow each other, so each level counts as one night:
/// the change between two levels needs a t-test against sqrt(2) standard deviations of a night at alpha / `family`,
/// besides the least change. With some dozens of series that takes about six standard deviations of a night, however
/// long the new level lasts. Below few_nights the direct comparison stands alone. The deviation is taken about the
/// levels found, so it comes out too small where a machine wanders without returning, which is called slower then: it
/// is.
///
/// `series` has the nights of both batches. One seed in a first comparison, too few repetitions: undecided.
Judgement judge(const GateSeries& series, RowId baseline, RowId batch, std::size_t family, const GateLimits& limits);

/// Holm's adjustment over the direct comparisons, and what follows from it for series without steps. In place.
void judge_direct(std::vector<std::pair<const GateSeries*, Judgement*>> all, const GateLimits& limits);

}  // namespace assay
