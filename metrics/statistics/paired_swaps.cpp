#include "metrics/statistics/paired_swaps.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/interrupt.h"
#include "core/philox.h"

namespace assay {
namespace {

constexpr std::uint64_t sign_stream = std::uint64_t{1} << 45;

}  // namespace

std::int64_t fewest_swaps(std::int64_t differences, double alpha) {
  return static_cast<std::int64_t>(static_cast<double>(differences) / alpha);
}

std::int64_t enough_swaps(std::int64_t differences, double alpha) {
  return std::clamp<std::int64_t>(2 * fewest_swaps(differences, alpha), 2000, most_swaps);
}

double swap_p_value(double observed, std::span<const double> swapped, double rounding) {
  const double limit = std::abs(observed) * (1.0 - 1e-9) - rounding;
  const auto extreme =
      std::count_if(swapped.begin(), swapped.end(), [limit](double value) { return std::abs(value) >= limit; });
  return static_cast<double>(extreme + 1) / static_cast<double>(swapped.size() + 1);
}

double swap_p_value_of_shares(std::span<const double> shares, std::int64_t swaps, std::uint64_t seed, double rounding) {
  std::vector<double> swapped(static_cast<std::size_t>(swaps), 0.0);
  for (std::size_t s = 0; s < swapped.size(); ++s) {
    stop_if_interrupted();
    RandomStream random(seed, Purpose::resample, sign_stream + s);
    std::uint64_t signs = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      if (i % 64 == 0) signs = random.bits64();
      swapped[s] += (signs & 1u) != 0 ? shares[i] : -shares[i];
      signs >>= 1;
    }
  }
  return swap_p_value(std::accumulate(shares.begin(), shares.end(), 0.0), swapped, rounding);
}

}  // namespace assay
