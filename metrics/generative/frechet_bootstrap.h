#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "metrics/feature_sets/gaussian.h"

namespace assay {

/// Fréchet distance to `reference` of resampled `features` [n, width], by weighted moments instead of gathered rows.
/// Up to 128 dimensions replicates run in parallel and their bits do not depend on `threads`. Throws InputError as
/// gaussian() and frechet() do.
std::vector<double> frechet_bootstrap(std::span<const float> features, std::int64_t width, const Gaussian& reference,
                                      std::int64_t replicates, std::uint64_t seed, Divisor divisor = Divisor::n_minus_1,
                                      int threads = 0);

/// Replicates of two arms over the same resampled indices: sample i of both arms came from the same noise.
struct PairedReplicates {
  std::vector<double> a, b;
  /// a - b, replicate by replicate.
  std::vector<double> differences() const;
};
/// Throws InputError when the arms differ in their number of samples.
PairedReplicates frechet_paired_bootstrap(std::span<const float> a, std::span<const float> b, std::int64_t width,
                                          const Gaussian& reference, std::int64_t replicates, std::uint64_t seed,
                                          Divisor divisor = Divisor::n_minus_1, int threads = 0);

}  // namespace assay
