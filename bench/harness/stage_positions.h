#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace assay {

/// The positions (store/rows.h) that the stages of one part of a program may take: a range of whole numbers that no
/// other part takes. They follow the order of the program alone, so that an interrupted run and one that goes on from
/// it give a stage the same position, whichever part is faster and whatever is done already.
class StagePositions {
 public:
  /// Those of a whole run: 0 to 2^62 - 1.
  StagePositions() = default;

  /// The position of the next stage: above all that were given out before. Throws Error where none is left.
  std::int64_t next();

  /// The positions of `count` parts that may run side by side: in their order, above all that were given out before,
  /// and below all that are given out later. Of what is left, the n-th call shares out 1 / (n + 1), so that many calls
  /// one after another and many levels of parts within parts find enough: eight levels of eight parts leave each more
  /// than a million. Throws Error where a part would have none.
  std::vector<StagePositions> split(std::size_t count);

 private:
  StagePositions(std::int64_t first, std::int64_t end) : first_(first), end_(end) {}

  std::int64_t first_ = 0;  // of those not yet given out
  std::int64_t end_ = std::int64_t{1} << 62;
  std::int64_t splits_ = 0;
};

}  // namespace assay
