#include "reports/pareto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/philox.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ParetoFront, IsWhatNothingBeatsInBoth) {
  const std::vector<CostAndValue> points{{1, 10}, {2, 8}, {2, 9}, {3, 8}, {4, 1}};
  EXPECT_THAT(pareto_front(points, Better::lower), ElementsAre(0, 1, 4));
  EXPECT_THAT(pareto_front(points, Better::higher), ElementsAre(0));
}

TEST(ParetoFront, KeepsEqualPointsTogether) {
  EXPECT_THAT(pareto_front({{1, 5}, {1, 5}, {1, 6}}, Better::lower), ElementsAre(0, 1));
}

TEST(ParetoFront, OfNothingIsEmptyAndNeedsADirection) {
  EXPECT_THAT(pareto_front({}, Better::lower), IsEmpty());
  EXPECT_THROW(pareto_front({{1, 1}}, Better::unstated), Error);
}

TEST(ParetoFront, AlongTheFrontMoreCostIsBetterValueAndTheRestIsBeaten) {
  RandomStream random(1, Purpose::resample, 0);
  std::vector<CostAndValue> points;
  for (int i = 0; i < 200; ++i) points.push_back({random.normal(), random.normal()});
  const std::vector<std::size_t> front = pareto_front(points, Better::lower);
  for (const std::size_t a : front)
    for (const std::size_t b : front)
      EXPECT_TRUE(points[a].cost >= points[b].cost || points[a].value > points[b].value);
  for (const CostAndValue& point : points) {
    bool reached = false;
    for (const std::size_t i : front)
      reached = reached || (points[i].cost <= point.cost && points[i].value <= point.value);
    EXPECT_TRUE(reached);
  }
}

}  // namespace
}  // namespace assay
