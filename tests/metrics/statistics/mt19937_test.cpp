#include "metrics/statistics/mt19937.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace assay {
namespace {

using ::testing::ElementsAre;

// numpy 2.3: numpy.random.RandomState(2020).permutation(12), RandomState(4294967295).permutation(5)
TEST(NumpyRandomState, PermutationsAreNumpys) {
  EXPECT_THAT(NumpyRandomState(2020).permutation(12), ElementsAre(2, 1, 11, 4, 10, 5, 7, 9, 6, 3, 8, 0));
  EXPECT_THAT(NumpyRandomState(4294967295u).permutation(5), ElementsAre(4, 1, 0, 2, 3));
}

// numpy.random.RandomState(0).permutation(100000)[[0, 1, 2, 99999]]
TEST(NumpyRandomState, LongPermutationsAreNumpys) {
  const auto order = NumpyRandomState(0).permutation(100000);
  EXPECT_EQ(order[0], 3582);
  EXPECT_EQ(order[1], 60498);
  EXPECT_EQ(order[2], 53227);
  EXPECT_EQ(order[99999], 68268);
}

// r = RandomState(2020); a = r.choice(1500, 1000, replace=False); b = r.choice(70000, 1000, replace=False)
TEST(NumpyRandomState, ChoicesFollowEachOtherAsInNumpy) {
  NumpyRandomState random(2020);
  auto a = random.choice(1500, 1000), b = random.choice(70000, 1000);
  EXPECT_EQ(a.size(), 1000u);
  EXPECT_EQ(a.back(), 41);
  EXPECT_EQ(b.back(), 6046);
  a.resize(8);
  b.resize(8);
  EXPECT_THAT(a, ElementsAre(1170, 737, 148, 824, 396, 194, 415, 887));
  EXPECT_THAT(b, ElementsAre(38748, 7820, 48091, 53088, 8049, 42391, 28538, 21872));
}

TEST(NumpyRandomState, RefusesToChooseMoreThanThereIs) {
  NumpyRandomState random(1);
  EXPECT_THROW(random.choice(3, 4), InputError);
  EXPECT_THROW(random.permutation(-1), InputError);
}

}  // namespace
}  // namespace assay
