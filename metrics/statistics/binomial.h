#pragma once
#include <cstdint>

#include "core/philox.h"

namespace assay {

/// Draws from the binomial distribution of one probability, in [0, 1], and any number of trials: by inversion up to a
/// mean of 10, by transformed rejection beyond (BTRS, Hörmann 1993).
class Binomial {
 public:
  explicit Binomial(double probability);

  /// Successes of `n` >= 0 trials.
  std::int64_t draw(std::int64_t n, RandomStream& random) const;

 private:
  double probability_;                     // of the rarer outcome, at most 1/2
  double odds_ = 0.0, log_failure_ = 0.0;  // of it: p / (1 - p), log(1 - p)
  bool rarer_is_failure_;
};

/// One such draw.
std::int64_t binomial(std::int64_t n, double probability, RandomStream& random);

}  // namespace assay
