#pragma once
#include <ATen/core/Tensor.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <bit>
#include <cstdint>

#include "core/error.h"
#include "kernels/inference/lanes.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

// Weights that lie in memory as float32, bfloat16 or float16 and are multiplied in float32: 16 bits are widened to the
// very value that they stand for, a block at a time where it is needed, so that a product has the bits that float32
// weights of these values give it, on every processor.
namespace assay {

/// Eight of them, widened.
[[gnu::always_inline]] inline Lanes lanes_at(const c10::BFloat16* from) {
  using Halves = std::uint16_t __attribute__((vector_size(16), aligned(2), may_alias));
  using Words = std::uint32_t __attribute__((vector_size(32)));
  const Halves halves = *reinterpret_cast<const Halves*>(from);
  return std::bit_cast<Lanes>(__builtin_convertvector(halves, Words) << 16);
}
[[gnu::always_inline]] inline Lanes lanes_at(const c10::Half* from) {
#if defined(__F16C__)  // in the baseline of x86-64-v3
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#else
  Lanes values = {};
  for (std::int64_t lane = 0; lane < lane_count; ++lane) values[lane] = static_cast<float>(from[lane]);
  return values;
#endif
}

/// `count` of them as float32, a multiple of 8.
template <class Weight>
void widen(const Weight* from, std::int64_t count, float* to) {
  for (std::int64_t i = 0; i < count; i += lane_count) put_lanes(to + i, lanes_at(from + i));
}

/// Calls `run` with a pointer to the weights, of the type that they lie in memory as.
template <class Run>
void with_stored(const at::Tensor& weights, const Run& run) {
  switch (weights.scalar_type()) {
    case at::kFloat:
      return run(weights.const_data_ptr<float>());
    case at::kBFloat16:
      return run(weights.const_data_ptr<c10::BFloat16>());
    case at::kHalf:
      return run(weights.const_data_ptr<c10::Half>());
    default:
      throw Error("weights must be float32, bfloat16 or float16");
  }
}

}  // namespace assay
