#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "store/query.h"

namespace assay {

/// What a recorded score is of, whatever the run.
struct ScoreSubject {
  std::string arm, name, unit;
  std::string protocol;
  RowId protocol_id = 0;
  std::string params;  // JSON, as the store holds it
  Better better = Better::unstated;
};

/// What a recorded timing is of, whatever the batch.
struct TimingSubject {
  std::string stage;  // of a run; empty outside runs
  std::string op, variant, shape, dtype, device, item_unit;
  std::int64_t threads = 1;
  std::string machine;  // JSON, as the store holds it
};

/// One recorded score or repetition; `subject` is its place in the list of subjects.
struct ScorePoint {
  RowId run = 0;
  std::size_t subject = 0;
  double value = 0.0;
};
struct TimingPoint {
  RowId batch = 0;
  RowId run = 0;  // 0 outside runs
  std::size_t subject = 0;
  double seconds_per_item = 0.0;  // above 0
};

/// Every score and timing of a store, with little memory: what they are of is held once.
struct History {
  std::vector<ScoreSubject> score_subjects;
  std::vector<ScorePoint> scores;  // of finished runs, as they were written
  std::vector<TimingSubject> timing_subjects;
  std::vector<TimingPoint> timings;  // of finished runs and outside runs, as they were written
  /// The versions of the code that timed something outside runs, by batch.
  std::vector<std::pair<RowId, std::string>> timing_versions;
};

/// Reads it all in one pass. Left out are values that are not finite, which other programs may have written, and
/// timings of nothing. Throws Error when the file cannot be read.
History read_history(const Store& store);

}  // namespace assay
