#include "metrics/statistics/mt19937.h"

#include <fmt/format.h>

#include <bit>
#include <numeric>
#include <utility>

#include "core/error.h"

namespace assay {

std::uint64_t NumpyRandomState::bounded(std::uint64_t largest) {
  if (largest == 0) return 0;
  const std::uint64_t mask = std::bit_ceil(largest + 1) - 1;
  for (;;) {
    std::uint64_t value = engine_();
    if (largest > 0xffffffffu) value = value << 32 | engine_();
    value &= mask;
    if (value <= largest) return value;
  }
}

std::vector<std::int64_t> NumpyRandomState::permutation(std::int64_t n) {
  if (n < 0) throw InputError(fmt::format("a permutation of {} items; expected 0 or more", n));
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  for (std::int64_t i = n - 1; i > 0; --i)
    std::swap(order[static_cast<std::size_t>(i)], order[bounded(static_cast<std::uint64_t>(i))]);
  return order;
}

std::vector<std::int64_t> NumpyRandomState::choice(std::int64_t n, std::int64_t k) {
  if (k < 0 || k > n) throw InputError(fmt::format("cannot choose {} of {} items without replacement", k, n));
  std::vector<std::int64_t> order = permutation(n);
  order.resize(static_cast<std::size_t>(k));
  return order;
}

}  // namespace assay
