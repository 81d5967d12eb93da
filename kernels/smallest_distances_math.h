#pragma once
#include <cfloat>
#include <cmath>
#include <cstdint>

#include "kernels/host_device.h"

namespace assay {

/// The largest k of the CUDA kernel, whose lists live in registers and local memory.
constexpr int max_k_on_device = 32;

/// The distance that decides: sum of squared differences in double, in four interleaved partial sums. The differences
/// of two floats are exact in double unless their exponents lie far apart, and the order is fixed.
ASSAY_HOST_DEVICE inline double squared_distance(const float* a, const float* b, std::int64_t width) {
  double sum[4] = {0.0, 0.0, 0.0, 0.0};
  std::int64_t d = 0;
  for (; d + 4 <= width; d += 4) {
    for (int lane = 0; lane < 4; ++lane) {
      const double difference = static_cast<double>(a[d + lane]) - static_cast<double>(b[d + lane]);
      sum[lane] = fma(difference, difference, sum[lane]);
    }
  }
  for (int lane = 0; d < width; ++d, ++lane) {
    const double difference = static_cast<double>(a[d]) - static_cast<double>(b[d]);
    sum[lane] = fma(difference, difference, sum[lane]);
  }
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/// Whether (distance, index) comes before (other, other_index).
ASSAY_HOST_DEVICE inline bool nearer(double distance, std::int64_t index, double other, std::int64_t other_index) {
  return distance < other || (distance == other && index < other_index);
}

/// Rows that can still be among the k nearest have a float32 sum of squared differences of at most this, where
/// `kth` is the k-th smallest such sum: each sum of `width` non-negative terms is off by at most a factor
/// 1 +- (width + 4) 2^-24, in any order of summation, and by underflow.
ASSAY_HOST_DEVICE inline float sum_of_squares_margin(float kth, std::int64_t width) {
  return kth * (1.0f + 3.0f * static_cast<float>(width + 8) * FLT_EPSILON) + static_cast<float>(width) * 2.0f * FLT_MIN;
}

/// How far |r|^2 - 2 q.r worked out in float32 may lie from the truth: `width` + 8 roundings of products bounded by
/// |q| |r|, and of the norm.
inline double score_error(double query_norm, double reference_norm, std::int64_t width) {
  constexpr double half_unit = FLT_EPSILON / 2.0;
  return half_unit * (2.0 * static_cast<double>(width + 8) * query_norm * reference_norm +
                      4.0 * reference_norm * reference_norm) +
         static_cast<double>(width) * 4.0 * FLT_MIN;
}

}  // namespace assay
