#pragma once
#include <string>
#include <utility>
#include <vector>

#include "reports/gate/environment.h"
#include "store/history.h"

namespace assay {

enum class SeriesKind { quality, speed };

/// What one batch recorded of a series. Nights stand in the order in which their batches began.
struct Night {
  RowId batch = 0;
  RowId run = 0;  // the first one; 0 outside runs
  /// Quality: the score of each seed, in the order of seeds. Speed: the natural logarithm of the seconds per item of
  /// each repetition, with 0 for a seed.
  std::vector<std::pair<std::int64_t, double>> values;
  /// Speed: what the timings of the machine share in this night, which was taken out of `values`; a logarithm.
  double shared = 0.0;
};

/// One question asked of many batches: the same score of the same arm under the same protocol and configuration, or the
/// time of the same operation on the same processor. What asks otherwise is another series.
struct GateSeries {
  SeriesKind kind = SeriesKind::quality;
  std::string scope;    // "self_guided mini emoji"; empty for timings outside runs
  std::string subject;  // "fd of self_label_k100, w = 2 (fd-small)"
  std::string unit;     // of a score; what an item is for a timing
  Better better = Better::unstated;
  /// What decides the value without naming it: the configuration, the data set's content, the protocol's choices, the
  /// params; for speed also device, processor, cores and threads. JSON.
  std::string setting;
  std::vector<Night> nights;
  /// What the timings of a machine share, as a series of its own; each night has for values how far each timing lies
  /// from its own centre, as a difference of logarithms.
  bool whole_machine = false;

  /// Scope and subject.
  std::string label() const;
  /// The place of a batch in `nights`; -1 where it has none.
  std::ptrdiff_t night_of(RowId batch) const;
};

/// Fewer timings of one machine in a night say nothing of what they share.
inline constexpr std::size_t least_timings = 5;

/// Takes out of the times what all timings of one machine share in a night, as its clock, its heat or its neighbours
/// make it, and returns it as one series for each machine (device, processor and cores).
///
/// The model is: logarithm of a time = centre of the series + shared part of the night + rest. Both parts are fitted by
/// medians in turn (Tukey's median polish) to the median repetitions, so one series that becomes slower moves the
/// shared part by no more than one timing's scatter. What slows down all timings alike, a machine or a lost compiler
/// flag, is in the shared part alone. What slows down about half of them is split: the shared part takes some of it.
///
/// Nights with fewer than least_timings timings of the machine that have another night too stay as they are and are not
/// in its series. `in_time` has all batches in the order in which they began.
std::vector<GateSeries> take_out_shared_speed(std::vector<GateSeries>& series, const std::vector<RowId>& in_time);

/// All series of a store up to and including the last of `until`, in the order in which they first appear, behind them
/// what the timings of each machine share, which is taken out of them. Batches that began later are left out.
std::vector<GateSeries> read_series(const History& history, const std::vector<BatchRow>& batches,
                                    const std::vector<RunRow>& runs, const std::vector<RowId>& until);

/// What differs between the settings of two series, by its place: "config.train.steps 600 -> 500".
std::vector<EnvironmentChange> setting_changes(const GateSeries& before, const GateSeries& after);

}  // namespace assay
