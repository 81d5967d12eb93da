#pragma once
#include <cstdint>
#include <span>
#include <vector>

/// Tests of a difference of two sets whose rows are paired: under the hypothesis that the sets do not differ, any pair
/// may be swapped.
namespace assay {

/// More are not worth their time.
inline constexpr std::int64_t most_swaps = 1000000;

/// The fewest random swaps with which any of so many differences can be told apart at `alpha` in (0, 1): the smallest
/// p-value is one in swaps + 1, and Holm's method multiplies it by the number of differences.
std::int64_t fewest_swaps(std::int64_t differences, double alpha);

/// So many that the smallest p-value that Holm's method can leave is half of alpha at most; from 2000 to most_swaps.
std::int64_t enough_swaps(std::int64_t differences, double alpha);

/// Two-sided p-value: the share of swaps, the observed difference among them, that are at least as far from 0 as it,
/// up to `rounding`.
double swap_p_value(double observed, std::span<const double> swapped, double rounding = 0.0);

/// The same for a difference that is a sum of one share a pair, whose signs `swaps` random swaps turn, from
/// RandomStream(seed, resample). Throws Interrupted where the user asked to stop.
double swap_p_value_of_shares(std::span<const double> shares, std::int64_t swaps, std::uint64_t seed,
                              double rounding = 0.0);

}  // namespace assay
