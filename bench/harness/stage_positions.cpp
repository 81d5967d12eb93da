#include "bench/harness/stage_positions.h"

#include "core/error.h"

namespace assay {

std::int64_t StagePositions::next() {
  if (first_ == end_) throw Error("stages: parts within parts have left no position for another stage");
  return first_++;
}

std::vector<StagePositions> StagePositions::split(std::size_t count) {
  std::vector<StagePositions> parts;
  if (count == 0) return parts;
  ++splits_;
  const std::int64_t share = (end_ - first_) / (splits_ + 1) / static_cast<std::int64_t>(count);
  if (share == 0) throw Error("side_by_side: parts within parts have left no positions for stages");
  for (std::size_t i = 0; i < count; ++i) {
    parts.push_back({first_, first_ + share});
    first_ += share;
  }
  return parts;
}

}  // namespace assay
