#pragma once
#include <cstdint>
#include <random>
#include <vector>

namespace assay {

/// numpy.random.RandomState(seed) as far as published scores draw from it: the same numbers to the bit, so that the
/// random subsets and orders of a protocol are the protocol's own. Everything else in Assay draws from core/philox.h.
class NumpyRandomState {
 public:
  /// Seeds as RandomState(integer) does.
  explicit NumpyRandomState(std::uint32_t seed) : engine_(seed) {}

  /// In [0, largest], by rejection under the smallest mask that covers `largest`.
  std::uint64_t bounded(std::uint64_t largest);

  /// RandomState.permutation(n): 0..n-1 shuffled from the end. Throws InputError for a negative n.
  std::vector<std::int64_t> permutation(std::int64_t n);

  /// RandomState.choice(n, k, replace=False): the first k of a permutation. Throws InputError unless 0 <= k <= n.
  std::vector<std::int64_t> choice(std::int64_t n, std::int64_t k);

 private:
  std::mt19937 engine_;
};

}  // namespace assay
