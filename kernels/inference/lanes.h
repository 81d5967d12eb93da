#pragma once
#include <bit>
#include <cstdint>

// Eight float32 values side by side, which the compiler puts into a vector register where there is one.
namespace assay {

using Lanes = float __attribute__((vector_size(32)));
using LaneBits = std::int32_t __attribute__((vector_size(32)));
/// The same anywhere in memory.
using LooseLanes = float __attribute__((vector_size(32), aligned(4), may_alias));
constexpr std::int64_t lane_count = 8;

[[gnu::always_inline]] inline Lanes lanes_at(const float* from) { return *reinterpret_cast<const LooseLanes*>(from); }
[[gnu::always_inline]] inline void put_lanes(float* to, const Lanes& value) {
  *reinterpret_cast<LooseLanes*>(to) = value;
}
[[gnu::always_inline]] inline Lanes all_lanes(float value) { return value - Lanes{}; }

/// e^x to within two units of the last place, for x of -87 to 88; what lies outside counts as these.
[[gnu::always_inline]] inline Lanes exponential(Lanes x) {
  const Lanes least = all_lanes(-87.0f), most = all_lanes(88.0f);
  x = x < least ? least : x;
  x = x > most ? most : x;
  // x = n ln 2 + r, |r| <= ln(2) / 2. Adding 1.5 * 2^23 rounds to a whole number, which then stands in the low bits.
  const Lanes rounder = all_lanes(12582912.0f);
  const Lanes shifted = x * 1.44269504f + rounder;
  const Lanes n = shifted - rounder;
  const Lanes r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts, the first exact in nine bits
  // Taylor's series: the term left out is below 1e-8.
  Lanes sum = r * (1.0f / 5040) + 1.0f / 720;
  sum = sum * r + 1.0f / 120;
  sum = sum * r + 1.0f / 24;
  sum = sum * r + 1.0f / 6;
  sum = sum * r + 0.5f;
  sum = sum * r + 1.0f;
  sum = sum * r + 1.0f;
  const LaneBits power = (std::bit_cast<LaneBits>(shifted) - 0x4B400000) << 23;
  return std::bit_cast<Lanes>(std::bit_cast<LaneBits>(sum) + power);
}

}  // namespace assay
