#pragma once
#include <cfloat>
#include <cmath>
#include <cstdint>

#include "kernels/host_device.h"
#if defined(__AVX2__) && defined(__FMA__) && !defined(__CUDACC__)
#include <immintrin.h>
#endif

namespace assay {

/// The largest k of the CUDA kernel, whose lists live in registers and local memory.
constexpr int max_k_on_device = 32;

/// The distance that decides: sum of squared differences in double, in four interleaved partial sums. The differences
/// of two floats are exact in double unless their exponents lie far apart, and the order is fixed.
ASSAY_HOST_DEVICE inline double squared_distance(const float* a, const float* b, std::int64_t width) {
  double sum[4] = {0.0, 0.0, 0.0, 0.0};
  std::int64_t d = 0;
#if defined(__AVX2__) && defined(__FMA__) && !defined(__CUDACC__)
  // The same sums; compilers do not find them.
  __m256d sums = _mm256_setzero_pd();
  for (; d + 4 <= width; d += 4) {
    const __m256d difference =
        _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(a + d)), _mm256_cvtps_pd(_mm_loadu_ps(b + d)));
    sums = _mm256_fmadd_pd(difference, difference, sums);
  }
  _mm256_storeu_pd(sum, sums);
#else
  for (; d + 4 <= width; d += 4) {
    for (int lane = 0; lane < 4; ++lane) {
      const double difference = static_cast<double>(a[d + lane]) - static_cast<double>(b[d + lane]);
      sum[lane] = fma(difference, difference, sum[lane]);
    }
  }
#endif
  for (int lane = 0; d < width; ++d, ++lane) {
    const double difference = static_cast<double>(a[d]) - static_cast<double>(b[d]);
    sum[lane] = fma(difference, difference, sum[lane]);
  }
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/// squared_distance() of one row to each of four, to the same bits: side by side they do not wait for each other's
/// sums.
inline void squared_distances(const float* a, const float* const (&b)[4], std::int64_t width, double (&out)[4]) {
#if defined(__AVX2__) && defined(__FMA__) && !defined(__CUDACC__)
  __m256d sums[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd()};
  std::int64_t d = 0;
  for (; d + 4 <= width; d += 4) {
    const __m256d of_a = _mm256_cvtps_pd(_mm_loadu_ps(a + d));
    for (int k = 0; k < 4; ++k) {
      const __m256d difference = _mm256_sub_pd(of_a, _mm256_cvtps_pd(_mm_loadu_ps(b[k] + d)));
      sums[k] = _mm256_fmadd_pd(difference, difference, sums[k]);
    }
  }
  for (int k = 0; k < 4; ++k) {
    double sum[4];
    _mm256_storeu_pd(sum, sums[k]);
    for (std::int64_t e = d; e < width; ++e) {
      const double difference = static_cast<double>(a[e]) - static_cast<double>(b[k][e]);
      sum[e - d] = fma(difference, difference, sum[e - d]);
    }
    out[k] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  }
#else
  for (int k = 0; k < 4; ++k) out[k] = squared_distance(a, b[k], width);
#endif
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
