#pragma once
#include <cstdint>
#include <vector>

namespace assay::test {

/// Numbers in [shift, shift + 1) that the scripts behind expected values make again: the top 24 bits of the linear
/// congruential generator of Knuth's MMIX.
inline std::vector<float> repeatable_numbers(std::int64_t count, std::uint64_t seed, double shift = 0.0) {
  std::vector<float> out;
  out.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    out.push_back(static_cast<float>(static_cast<double>(seed >> 40) / 16777216.0 + shift));
  }
  return out;
}

}  // namespace assay::test
