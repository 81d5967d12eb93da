#include "metrics/clustering/contingency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "metrics/clustering/clustering.h"
#include "metrics/statistics/binomial.h"

namespace assay {
namespace {

using Labels = std::vector<std::int64_t>;
using ::testing::ElementsAre;

TEST(Contingency, CountsPairsInOrderOfLabels) {
  const Contingency table = contingency(Labels{5, -2, 5, 5, -2}, Labels{1, 9, 9, 1, 9});
  EXPECT_THAT(table.truth_labels, ElementsAre(-2, 5));
  EXPECT_THAT(table.predicted_labels, ElementsAre(1, 9));
  EXPECT_THAT(table.truth, ElementsAre(2, 3));
  EXPECT_THAT(table.predicted, ElementsAre(2, 3));
  ASSERT_EQ(table.cells.size(), 3u);
  EXPECT_EQ(table.cells[0].count, 2);
  EXPECT_EQ(table.cells[1].predicted, 0);
  EXPECT_EQ(table.cells[1].count, 2);
}

TEST(Contingency, TakesLabelsAtBothEndsOfTheirRange) {
  constexpr std::int64_t low = std::numeric_limits<std::int64_t>::min(),
                         high = std::numeric_limits<std::int64_t>::max();
  const Contingency table = contingency(Labels{low, high, low, 0}, Labels{7, 7, 7, 8});
  EXPECT_THAT(table.truth_labels, ElementsAre(low, 0, high));
  EXPECT_THAT(table.truth, ElementsAre(2, 1, 1));
}

TEST(Resample, KeepsTheNumberOfItemsAndTheMarginsInStep) {
  Labels truth, predicted;
  for (std::int64_t i = 0; i < 300; ++i) truth.push_back(i % 7), predicted.push_back(i * i % 11);
  const Contingency table = contingency(truth, predicted);
  for (std::int64_t r = 0; r < 50; ++r) {
    const Contingency drawn = resample(table, 3, r);
    std::int64_t sum = 0;
    std::vector<std::int64_t> rows(drawn.truth.size(), 0);
    for (const auto& cell : drawn.cells) {
      sum += cell.count;
      rows[static_cast<std::size_t>(cell.truth)] += cell.count;
    }
    EXPECT_EQ(sum, 300);
    EXPECT_EQ(rows, drawn.truth);
  }
}

TEST(Resample, CellsHaveTheMomentsOfTheMultinomial) {
  const Contingency table = contingency(Labels{0, 0, 0, 0, 0, 0, 1, 1, 1, 2}, Labels{0, 0, 0, 0, 0, 0, 1, 1, 1, 2});
  constexpr int draws = 20000;
  double mean = 0.0, square = 0.0, product = 0.0;
  for (int r = 0; r < draws; ++r) {
    const Contingency drawn = resample(table, 1, r);
    std::array<double, 3> counts{};
    for (const auto& cell : drawn.cells)
      counts[static_cast<std::size_t>(drawn.truth_labels[static_cast<std::size_t>(cell.truth)])] =
          static_cast<double>(cell.count);
    mean += counts[0] / draws;
    square += counts[0] * counts[0] / draws;
    product += counts[0] * counts[1] / draws;
  }
  EXPECT_NEAR(mean, 6.0, 0.05);
  EXPECT_NEAR(square - mean * mean, 10.0 * 0.6 * 0.4, 0.1);
  EXPECT_NEAR(product - mean * 3.0, -10.0 * 0.6 * 0.3, 0.1);
}

TEST(Resample, DrawsTheSameTablesFromOneResamplerInAnyOrder) {
  Labels truth, predicted;
  for (std::int64_t i = 0; i < 400; ++i) truth.push_back(i % 5), predicted.push_back(i * i % 13);
  const Contingency table = contingency(truth, predicted);
  const TableResampler resampler(table);
  for (const std::int64_t r : {8, 0, 3, 8}) {
    const Contingency drawn = resampler.draw(6, r), alone = resample(table, 6, r);
    EXPECT_EQ(drawn.truth, alone.truth);
    EXPECT_EQ(drawn.predicted_labels, alone.predicted_labels);
    ASSERT_EQ(drawn.cells.size(), alone.cells.size());
    for (std::size_t i = 0; i < drawn.cells.size(); ++i) EXPECT_EQ(drawn.cells[i].count, alone.cells[i].count);
  }
}

TEST(Binomial, HasItsMeanAndVarianceInBothRegimes) {
  RandomStream random(9, Purpose::resample, 0);
  for (const auto& [n, p] : {std::pair{1000, 0.003}, {1000, 0.3}, {50, 0.9}, {1000000, 0.4}}) {
    constexpr int draws = 40000;
    double mean = 0.0, square = 0.0;
    for (int i = 0; i < draws; ++i) {
      const double d = static_cast<double>(binomial(n, p, random)) - n * p;
      mean += d / draws;
      square += d * d / draws;
    }
    const double variance = n * p * (1.0 - p);
    EXPECT_NEAR(mean, 0.0, 4.0 * std::sqrt(variance / draws)) << n << " " << p;
    EXPECT_NEAR(square / variance, 1.0, 0.04) << n << " " << p;
  }
}

TEST(Binomial, IsCertainAtTheEnds) {
  RandomStream random(9, Purpose::resample, 0);
  EXPECT_EQ(binomial(10, 0.0, random), 0);
  EXPECT_EQ(binomial(10, 1.0, random), 10);
  EXPECT_EQ(binomial(0, 0.5, random), 0);
}

TEST(ClassMatches, NameTheBestClusterItsShareAndItsPurity) {
  const auto matches = class_matches(contingency(Labels{4, 4, 4, 4, 8, 8}, Labels{1, 1, 1, 2, 1, 2}));
  ASSERT_EQ(matches.size(), 2u);
  EXPECT_EQ(matches[0].label, 4);
  EXPECT_EQ(matches[0].cluster, 1);
  EXPECT_DOUBLE_EQ(matches[0].share, 0.75);
  EXPECT_DOUBLE_EQ(matches[0].purity, 0.75);
  EXPECT_EQ(matches[1].cluster, 1);  // as many as in cluster 2, with the smaller label
  EXPECT_DOUBLE_EQ(matches[1].purity, 0.25);
}

TEST(AccuracyOneToOne, TakesAClusterForEachItemWithoutALargeTable) {
  Labels truth, predicted;
  for (std::int64_t i = 0; i < 300000; ++i) truth.push_back(i % 1000), predicted.push_back(i);
  EXPECT_DOUBLE_EQ(accuracy_one_to_one(truth, predicted), 1000.0 / 300000.0);
}

}  // namespace
}  // namespace assay
