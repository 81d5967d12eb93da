#include "bench/harness/stage_positions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "core/error.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(StagePositions, CountFromZero) {
  StagePositions positions;
  EXPECT_THAT((std::vector{positions.next(), positions.next(), positions.next()}), ElementsAre(0, 1, 2));
}

/// A stage, then three times two parts of one level less each with a stage behind it, in the order of the program.
void walk(StagePositions& positions, int levels, std::vector<std::int64_t>& found) {
  found.push_back(positions.next());
  for (int times = 0; levels > 0 && times < 3; ++times) {
    for (StagePositions& part : positions.split(2)) walk(part, levels - 1, found);
    found.push_back(positions.next());
  }
}

TEST(StagePositions, FollowTheOrderOfTheProgramAtEveryLevel) {
  StagePositions positions;
  std::vector<std::int64_t> found;
  walk(positions, 5, found);
  EXPECT_GT(found.size(), 10000U);
  EXPECT_EQ(std::adjacent_find(found.begin(), found.end(), std::greater_equal<>()), found.end());
}

TEST(StagePositions, SufficeForEightLevelsOfEightParts) {
  StagePositions positions;
  for (int level = 0; level < 8; ++level) positions = positions.split(8).back();
  const std::int64_t first = positions.next();
  const std::int64_t last = positions.split(1 << 10).back().next();
  EXPECT_GT(last - first, 1 << 18);
}

TEST(StagePositions, SufficeForAThousandCallsOneAfterAnother) {
  StagePositions positions;
  std::int64_t before = positions.next();
  for (int call = 0; call < 1000; ++call) {
    auto parts = positions.split(4);
    ASSERT_THAT(parts, SizeIs(4));
    for (StagePositions& part : parts) {
      const std::int64_t position = part.split(4).back().next();
      ASSERT_GT(position, before);
      before = position;
    }
  }
}

TEST(StagePositions, OfNoPartsChangeNothing) {
  StagePositions positions;
  EXPECT_THAT(positions.split(0), IsEmpty());
  EXPECT_EQ(positions.next(), 0);
}

TEST(StagePositions, SayWhenNoneIsLeft) {
  StagePositions positions;
  EXPECT_THAT(test::message_of<Error>([&] {
                for (int level = 0; level < 63; ++level) positions = positions.split(1).front();
              }),
              HasSubstr("no positions"));
  // The last level that found some has one.
  positions.next();
  EXPECT_THAT(test::message_of<Error>([&] { positions.next(); }), HasSubstr("no position for another stage"));
}

}  // namespace
}  // namespace assay
