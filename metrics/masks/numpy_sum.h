#pragma once
#include <array>
#include <cstdint>
#include <span>

namespace assay {

// Where a comparison of two doubles hangs on the last bit of a sum, the published values are those of NumPy 2's
// order of addition: eight running sums over up to 128 numbers, longer ranges halved at multiples of eight.

/// Sum of level[v] over the values v in NumPy's order.
double numpy_sum(std::span<const std::uint8_t> values, const std::array<double, 256>& level);

/// Whether NumPy's mean of width * height times `value` is `value` exactly. With `whole_rows` the
/// rows follow each other in memory, else they are a cut-out of a wider image.
bool numpy_mean_is_exact(double value, int width, int height, bool whole_rows);

}  // namespace assay
