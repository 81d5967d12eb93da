#include "core/philox.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace assay {
namespace {

using ::testing::ElementsAre;

// Known answers of philox4x32-10 from the kat_vectors file of Random123 (Salmon et al., SC 2011).
TEST(Philox, GivesThePublishedVectors) {
  constexpr std::uint32_t ones = 0xffffffff;
  EXPECT_THAT(philox4x32({0, 0, 0, 0}, {0, 0}), ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(philox4x32({ones, ones, ones, ones}, {ones, ones}),
              ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(RandomStream, PlacesSeedPurposeAndItemAsItsHeaderSays) {
  RandomStream stream(0x1122334455667788, Purpose::clustering, 0x99aabbccddeeff00);
  for (std::uint32_t block = 0; block < 3; ++block) {
    const auto expected = philox4x32({block, 6, 0xddeeff00, 0x99aabbcc}, {0x55667788, 0x11223344});
    for (const std::uint32_t word : expected) EXPECT_EQ(stream.bits(), word);
  }
}

TEST(RandomStream, OfZeroSeedAndItemDiffersByPurposeAlone) {
  std::set<std::uint64_t> first;
  for (std::uint32_t purpose = 1; purpose <= 9; ++purpose)
    for (const std::uint64_t seed : {0, 1})
      for (const std::uint64_t item : {0, 1}) first.insert(RandomStream(seed, Purpose{purpose}, item).bits64());
  EXPECT_EQ(first.size(), 9U * 2 * 2);
}

TEST(RandomStream, IsTheSameWhateverOthersDrew) {
  RandomStream alone(3, Purpose::noise, 17);
  const double expected = alone.normal();
  RandomStream other(3, Purpose::noise, 16);
  for (int i = 0; i < 1000; ++i) other.normal();
  EXPECT_EQ(RandomStream(3, Purpose::noise, 17).normal(), expected);
}

TEST(RandomStream, UniformKeepsTheTop53Bits) {
  RandomStream bits(5, Purpose::noise, 0), uniform(5, Purpose::noise, 0);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(uniform.uniform(), std::ldexp(static_cast<double>(bits.bits64() >> 11), -53));
}

TEST(RandomStream, UniformFillsTheUnitIntervalEvenly) {
  RandomStream stream(1, Purpose::noise, 0);
  std::array<int, 10> counts{};
  constexpr int n = 100000;
  for (int i = 0; i < n; ++i) {
    const double value = stream.uniform();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    ++counts[static_cast<std::size_t>(value * 10)];
  }
  for (const int count : counts) EXPECT_NEAR(count, n / 10.0, 5 * std::sqrt(n * 0.1 * 0.9));
}

TEST(RandomStream, NormalHasTheMomentsOfAGaussian) {
  RandomStream stream(2, Purpose::noise, 0);
  constexpr int n = 400000;
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0, neighbours = 0, last = 0;
  int beyond_two = 0;
  for (int i = 0; i < n; ++i) {
    const double z = stream.normal();
    m1 += z / n;
    m2 += z * z / n;
    m3 += z * z * z / n;
    m4 += z * z * z * z / n;
    neighbours += z * last / n;
    beyond_two += std::abs(z) > 2 ? 1 : 0;
    last = z;
  }
  // Five standard errors: the k-th moment of n draws has variance (E z^2k - (E z^k)^2) / n.
  const double unit = 5 / std::sqrt(n);
  EXPECT_NEAR(m1, 0, unit);
  EXPECT_NEAR(m2, 1, unit * std::sqrt(2));
  EXPECT_NEAR(m3, 0, unit * std::sqrt(15));
  EXPECT_NEAR(m4, 3, unit * std::sqrt(96));
  EXPECT_NEAR(neighbours, 0, unit) << "both halves of one Box-Muller pair must be independent";
  const double tail = std::erfc(2 / std::sqrt(2.0));
  EXPECT_NEAR(beyond_two, n * tail, 5 * std::sqrt(n * tail * (1 - tail)));
}

TEST(RandomStream, FillNormalContinuesTheStreamAcrossCalls) {
  RandomStream one(4, Purpose::noise, 9), two(4, Purpose::noise, 9), single(4, Purpose::noise, 9);
  std::array<float, 7> whole{}, parts{};
  one.fill_normal(whole);
  two.fill_normal(std::span(parts).first(3));
  two.fill_normal(std::span(parts).subspan(3));
  EXPECT_EQ(whole, parts);
  for (const float value : whole) EXPECT_EQ(value, static_cast<float>(single.normal()));
}

TEST(RandomStream, BelowIsUniformForABoundThatIsNoPowerOfTwo) {
  RandomStream stream(6, Purpose::order, 0);
  constexpr int n = 70000;
  std::array<int, 7> counts{};
  for (int i = 0; i < n; ++i) ++counts.at(stream.below(7));
  for (const int count : counts) EXPECT_NEAR(count, n / 7.0, 5 * std::sqrt(n / 7.0));
}

TEST(RandomStream, BelowHasNoModuloBiasAtAHugeBound) {
  // With bound 3 * 2^62, a plain remainder would give values under 2^62 twice as often: half of all instead of a third.
  RandomStream stream(7, Purpose::order, 0);
  constexpr std::uint64_t third = std::uint64_t{1} << 62;
  constexpr int n = 30000;
  int low = 0;
  for (int i = 0; i < n; ++i) {
    const std::uint64_t value = stream.below(3 * third);
    ASSERT_LT(value, 3 * third);
    low += value < third ? 1 : 0;
  }
  EXPECT_NEAR(low, n / 3.0, 5 * std::sqrt(n * (1.0 / 3) * (2.0 / 3)));
}

TEST(RandomStream, BelowOneIsZero) { EXPECT_EQ(RandomStream(8, Purpose::order, 0).below(1), 0U); }

TEST(Permutation, HoldsEveryIndexOnce) {
  for (const std::int64_t n : {0, 1, 2, 1000}) {
    RandomStream stream(9, Purpose::order, 0);
    std::vector<std::int64_t> order = permutation(n, stream);
    ASSERT_EQ(order.size(), static_cast<std::size_t>(n));
    std::sort(order.begin(), order.end());
    for (std::int64_t i = 0; i < n; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  }
}

TEST(Permutation, GivesAllOrdersOfThreeEquallyOften) {
  std::array<int, 27> counts{};
  constexpr int n = 12000;
  for (std::uint64_t item = 0; item < n; ++item) {
    RandomStream stream(10, Purpose::order, item);
    const auto order = permutation(3, stream);
    ++counts[static_cast<std::size_t>(order[0] * 9 + order[1] * 3 + order[2])];
  }
  int seen = 0;
  for (const int count : counts)
    if (count > 0) {
      ++seen;
      EXPECT_NEAR(count, n / 6.0, 5 * std::sqrt(n / 6.0));
    }
  EXPECT_EQ(seen, 6);
}

}  // namespace
}  // namespace assay
