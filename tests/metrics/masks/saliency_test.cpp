#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/philox.h"
#include "images/image.h"
#include "metrics/masks/saliency_evaluator.h"
#include "metrics/metric_facts.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

struct Map {
  int width, height;
  std::vector<std::uint8_t> prediction, truth;
  MaskPair pair() const { return {prediction.data(), truth.data(), width, height}; }
};

std::vector<double> columns_of(const Map& map, SaliencyProtocol protocol) {
  std::vector<double> columns(saliency_layout(protocol).columns);
  SaliencyEvaluator().evaluate(map.pair(), protocol, columns);
  return columns;
}

std::map<std::string, double> score(const Map& map, SaliencyProtocol protocol) {
  const std::vector<double> columns = columns_of(map, protocol);
  std::map<std::string, double> values;
  for (const SaliencyMeasure& measure : saliency_layout(protocol).measures) values[measure.name] = measure.of(columns);
  return values;
}

/// An ellipse with a noisy prediction; `seed` gives other noise.
Map picture(int width, int height, std::uint64_t seed) {
  Map map{width, height, {}, {}};
  RandomStream random(seed, Purpose::dataset, 0);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const double u = (x - 0.4 * width) / (0.3 * width), v = (y - 0.5 * height) / (0.25 * height);
      const bool on = u * u + v * v < 1.0;
      map.truth.push_back(on ? 255 : 0);
      map.prediction.push_back(
          static_cast<std::uint8_t>(std::clamp((on ? 170.0 : 60.0) + 40.0 * random.normal(), 0.0, 255.0)));
    }
  return map;
}

// tests/data/saliency/make_expected.py ran PySODMetrics on these.
TEST(Pysod, AgreesWithPySodMetricsOnEveryMeasureAndDegenerateCase) {
  std::ifstream file(std::filesystem::path(ASSAY_TEST_DATA) / "saliency/expected.json");
  const nlohmann::json cases = nlohmann::json::parse(file);
  ASSERT_EQ(cases.size(), 19u);
  for (const nlohmann::json& one : cases) {
    const Map map{one["width"], one["height"], one["prediction"], one["truth"]};
    const auto ours = score(map, SaliencyProtocol::pysod);
    ASSERT_EQ(ours.size(), one["expected"].size());
    for (const auto& [name, value] : ours) {
      const double expected = one["expected"][name];
      EXPECT_NEAR(value, expected, 1e-12 * std::max(1.0, std::abs(expected))) << one["name"] << " " << name;
    }
  }
}

TEST(Pysod, APerfectMapScoresNOverNMinusOneInE) {
  Map map = picture(20, 10, 1);
  map.prediction = map.truth;

  const auto values = score(map, SaliencyProtocol::pysod);

  EXPECT_NEAR(values.at("max_e"), 200.0 / 199.0, 1e-12);
  EXPECT_NEAR(values.at("weighted_f"), 1.0, 1e-12);
  EXPECT_EQ(values.at("mae"), 0.0);
}

/// The weighted F-measure of a rectangle, whose nearest pixel needs no tie broken, pixel by pixel.
double weighted_f_by_definition(const Map& map, const Box& box) {
  const auto level = [&](int x, int y) {
    return map.prediction[static_cast<std::size_t>(y) * static_cast<std::size_t>(map.width) +
                          static_cast<std::size_t>(x)] /
           255.0;
  };
  const auto error = [&](int x, int y) {  // of the nearest pixel of the rectangle
    return 1.0 - level(std::clamp(x, box.x0, box.x1 - 1), std::clamp(y, box.y0, box.y1 - 1));
  };
  double inside = 0.0, outside = 0.0, kernel = 0.0;
  for (int i = -3; i <= 3; ++i)
    for (int j = -3; j <= 3; ++j) kernel += std::exp(-(i * i + j * j) / 50.0);
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      const int dx = x - std::clamp(x, box.x0, box.x1 - 1), dy = y - std::clamp(y, box.y0, box.y1 - 1);
      if (dx != 0 || dy != 0) {
        outside += level(x, y) * (2.0 - std::exp2(-std::hypot(dx, dy) / 5.0));
        continue;
      }
      double smoothed = 0.0;
      for (int i = -3; i <= 3; ++i)
        for (int j = -3; j <= 3; ++j)
          if (x + i >= 0 && x + i < map.width && y + j >= 0 && y + j < map.height)
            smoothed += std::exp(-(i * i + j * j) / 50.0) / kernel * error(x + i, y + j);
      inside += std::min(1.0 - level(x, y), smoothed);
    }
  }
  const double n = (box.x1 - box.x0) * (box.y1 - box.y0), hit = n - inside;
  const double recall = 1.0 - inside / n, precision = hit / (hit + outside);
  return 2.0 * recall * precision / (recall + precision);
}

TEST(Pysod, WeightedFIsItsDefinitionWhereverTheMaskLies) {
  constexpr int width = 37, height = 23;
  for (const Box& box : {Box{12, 9, 20, 15}, Box{0, 0, 5, 4}, Box{33, 20, 37, 23}, Box{0, 11, 37, 13},
                         Box{17, 0, 19, 23}, Box{21, 6, 22, 7}, Box{2, 1, 36, 22}}) {
    Map map{width, height, {}, {}};
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        // Greys 0 and 255 both occur, so that nothing is stretched.
        const int i = y * width + x;
        map.prediction.push_back(static_cast<std::uint8_t>(i == 0 ? 0 : i == 1 ? 255 : i * i * 7 % 251));
        const bool on = x >= box.x0 && x < box.x1 && y >= box.y0 && y < box.y1;
        map.truth.push_back(on ? 255 : 0);
      }
    EXPECT_NEAR(score(map, SaliencyProtocol::pysod)["weighted_f"], weighted_f_by_definition(map, box), 1e-13)
        << box.x0 << " " << box.y0;
  }
}

TEST(Saliency, NoScoreLeavesItsRange) {
  for (int size = 2; size < 60; ++size) {
    Map noisy = picture(size, 61 - size, static_cast<std::uint64_t>(size)), perfect = noisy, opposite = noisy;
    perfect.prediction = noisy.truth;
    for (std::size_t i = 0; i < noisy.truth.size(); ++i)
      opposite.prediction[i] = static_cast<std::uint8_t>(255 - noisy.truth[i]);
    for (const Map& map : {noisy, perfect, opposite}) {
      for (const auto protocol :
           {SaliencyProtocol::pysod, SaliencyProtocol::fan, SaliencyProtocol::tokencut, SaliencyProtocol::selfmask}) {
        for (const auto& [name, value] : score(map, protocol)) {
          if (std::isnan(value)) continue;  // not defined for an empty mask
          const ScoreRange range = score_range(name);
          EXPECT_GE(value, range.low) << name << " of " << size;
          EXPECT_LE(value, range.high) << name << " of " << size;
        }
      }
    }
  }
}

TEST(Pysod, AScratchObjectForgetsTheImageBefore) {
  const Map large = picture(40, 30, 1), small = picture(9, 13, 2);
  std::vector<double> after(519);
  SaliencyEvaluator evaluator;
  evaluator.evaluate(large.pair(), SaliencyProtocol::pysod, after);
  evaluator.evaluate(small.pair(), SaliencyProtocol::pysod, after);

  EXPECT_EQ(after, columns_of(small, SaliencyProtocol::pysod));
}

TEST(Pysod, SaysWhereTheMaskIsEmptyOrItsCentroidOnTheEdge) {
  Map map{4, 3, std::vector<std::uint8_t>(12, 9), std::vector<std::uint8_t>(12, 0)};
  std::vector<double> columns(519);
  EXPECT_TRUE(SaliencyEvaluator().evaluate(map.pair(), SaliencyProtocol::pysod, columns).empty_mask);
  map.truth[11] = 255;
  const auto facts = SaliencyEvaluator().evaluate(map.pair(), SaliencyProtocol::pysod, columns);
  EXPECT_FALSE(facts.empty_mask);
  EXPECT_TRUE(facts.empty_blocks);
  EXPECT_TRUE(std::isfinite(columns[1]));
}

struct Counts {
  double hits = 0, alarms = 0, misses = 0, rest = 0;
};

/// Straight from the definition, pixel by pixel.
template <class Found>
Counts count(const Map& map, int truth_above, Found found) {
  Counts c;
  for (std::size_t i = 0; i < map.truth.size(); ++i) {
    const bool on = map.truth[i] > truth_above, hit = found(map.prediction[i]);
    (on ? (hit ? c.hits : c.misses) : (hit ? c.alarms : c.rest)) += 1.0;
  }
  return c;
}

TEST(Saliency, TellsTheGreysThatAreTooLowForForeground) {
  const auto facts = [](std::uint8_t prediction, std::uint8_t truth, SaliencyProtocol protocol) {
    Map map{3, 2, {0, 0, prediction, 0, 0, 0}, {0, truth, 0, 0, 0, 0}};
    std::vector<double> columns(saliency_layout(protocol).columns);
    return SaliencyEvaluator().evaluate(map.pair(), protocol, columns);
  };
  for (const auto protocol : {SaliencyProtocol::pysod, SaliencyProtocol::fan}) {
    EXPECT_EQ(facts(1, 1, protocol).largest_truth, 1);
    EXPECT_EQ(facts(1, 128, protocol).largest_truth, 128);
    EXPECT_EQ(facts(1, 0, protocol).largest_truth, 0);
    EXPECT_FALSE(facts(1, 129, protocol).empty_mask);
    EXPECT_EQ(facts(1, 255, protocol).largest_truth, 255);
    EXPECT_EQ(facts(1, 255, protocol).largest_prediction, 255) << "stretched";
    EXPECT_EQ(facts(0, 255, protocol).largest_prediction, 0) << "one grey";
  }
  for (const auto protocol : {SaliencyProtocol::tokencut, SaliencyProtocol::selfmask}) {
    EXPECT_FALSE(facts(1, 1, protocol).empty_mask);
    EXPECT_EQ(facts(1, 1, protocol).largest_prediction, 1);
    EXPECT_EQ(facts(200, 1, protocol).largest_prediction, 200);
  }
}

TEST(Fan, DiffersFromPysodOnlyWhereItsThresholdsDo) {
  const Map map = picture(31, 27, 3);
  const auto fan = score(map, SaliencyProtocol::fan), pysod = score(map, SaliencyProtocol::pysod);
  for (const char* same : {"mae", "s_measure", "weighted_f", "adaptive_f"}) EXPECT_EQ(fan.at(same), pysod.at(same));
  EXPECT_NEAR(fan.at("max_f"), pysod.at("max_f"), 0.01);
}

// Two levels: 0 and 1 after the stretch. Threshold 0 finds all with >= and half with >; threshold 1 half and none.
TEST(Fan, KeepsTheThresholdInFAndLeavesItOutInE) {
  const Map map{2, 2, {10, 90, 90, 10}, {0, 255, 255, 0}};
  const std::vector<double> columns = columns_of(map, SaliencyProtocol::fan);
  EXPECT_NEAR(columns[5], 1.3 * 0.5 / (0.3 * 0.5 + 1.0), 1e-15);
  EXPECT_EQ(columns[5 + 255], 1.0);
  EXPECT_NEAR(columns[261], 4.0 / 3.0, 1e-14);
  EXPECT_NEAR(columns[261 + 255], 1.0 / 3.0, 1e-14);  // nothing found: every pixel aligns by a quarter
}

TEST(Fan, GivesNoWeightedFForAnEmptyMask) {
  Map map = picture(9, 8, 1);
  std::fill(map.truth.begin(), map.truth.end(), std::uint8_t{0});
  EXPECT_TRUE(std::isnan(score(map, SaliencyProtocol::fan).at("weighted_f")));
}

TEST(Fan, RoundsTheCentroidHalfUpWherePysodRoundsToEven) {
  // Columns 0 and 1: the centroid 0.5 goes to column 0 or 1.
  Map map = picture(12, 6, 4);
  for (int y = 0; y < 6; ++y)
    for (int x = 0; x < 12; ++x)
      map.truth[static_cast<std::size_t>(y) * 12 + static_cast<std::size_t>(x)] = x < 2 ? 255 : 0;
  EXPECT_GT(
      std::abs(score(map, SaliencyProtocol::fan).at("s_measure") - score(map, SaliencyProtocol::pysod).at("s_measure")),
      1e-4);
}

TEST(TokenCut, AgreesWithItsDefinitionPixelByPixel) {
  Map map = picture(23, 19, 5);
  map.truth[7] = 1;  // counts as foreground
  const auto half = count(map, 0, [](int v) { return v / 255.0 > 0.5; });
  double best = 0.0;
  for (int k = 0; k < 255; ++k) {
    const double threshold = k * (1.0 / 255.0);
    const auto c = count(map, 0, [&](int v) { return v / 255.0 > threshold; });
    const double found = c.hits + c.alarms, precision = found > 0.0 ? c.hits / found : 1.0,
                 recall = c.hits / (c.hits + c.misses);
    const double f = 1.3 * precision * recall / (0.3 * precision + recall);
    if (f > best) best = f;
  }
  const auto values = score(map, SaliencyProtocol::tokencut);
  EXPECT_NEAR(values.at("iou"), half.hits / (half.hits + half.alarms + half.misses), 1e-15);
  EXPECT_NEAR(values.at("accuracy"), (half.hits + half.rest) / (23.0 * 19.0), 1e-15);
  EXPECT_NEAR(values.at("max_f"), best, 1e-15);
}

TEST(TokenCut, LeavesTheOverlapOfTwoEmptyMasksUndefined) {
  const Map map{3, 2, std::vector<std::uint8_t>(6, 0), std::vector<std::uint8_t>(6, 0)};
  const auto values = score(map, SaliencyProtocol::tokencut);
  EXPECT_TRUE(std::isnan(values.at("iou")));
  EXPECT_EQ(values.at("accuracy"), 1.0);
  EXPECT_EQ(values.at("max_f"), 1.0);  // precision and recall are 1 where there is nothing to divide by
}

TEST(SelfMask, SquaresBetaTwiceAndTakesEachImagesMaximum) {
  const Map map = picture(23, 19, 6);
  const auto f = [&](double threshold) {
    const auto c = count(map, 0, [&](int v) { return static_cast<float>(v / 255.0) > static_cast<float>(threshold); });
    const double precision = c.hits / (c.hits + c.alarms + 1e-7), recall = c.hits / (c.hits + c.misses + 1e-7);
    return 1.09 * precision * recall / (0.09 * precision + recall + 1e-7);
  };
  double best = 0.0;
  for (int k = 0; k < 255; ++k) best = std::max(best, f(k / 255.0));
  const double mean = std::accumulate(map.prediction.begin(), map.prediction.end(), 0.0) / (255.0 * 23.0 * 19.0);
  const auto values = score(map, SaliencyProtocol::selfmask);
  EXPECT_NEAR(values.at("max_f"), best, 1e-14);
  EXPECT_NEAR(values.at("mean_f"), f(2.0 * mean), 1e-14);
}

class DataSet : public ::testing::Test {
 protected:
  void SetUp() override {
    for (std::uint64_t image = 0; image < 12; ++image) {
      const auto columns = columns_of(picture(15, 14, image), SaliencyProtocol::pysod);
      table.insert(table.end(), columns.begin(), columns.end());
    }
    used.resize(12);
    std::iota(used.begin(), used.end(), 0);
  }
  const SaliencyLayout& layout = saliency_layout(SaliencyProtocol::pysod);
  std::vector<double> table;
  std::vector<std::int64_t> used;
};

TEST_F(DataSet, SamplesAverageToTheValue) {
  const std::vector<double> values = saliency_values(layout, table, used);
  for (std::size_t m = 0; m < layout.measures.size(); ++m) {
    const auto samples = saliency_samples(layout, layout.measures[m], table, used);
    EXPECT_NEAR(std::accumulate(samples.begin(), samples.end(), 0.0) / 12.0, values[m], 1e-14)
        << layout.measures[m].name;
  }
}

TEST_F(DataSet, ReplicatesAreTheValuesOfTheResampledImagesForAnyNumberOfThreads) {
  const auto replicates = saliency_bootstrap(layout, table, used, 70, 5, 1);
  EXPECT_EQ(replicates, saliency_bootstrap(layout, table, used, 70, 5, 3));
  for (const std::int64_t r : {0, 31, 32, 69}) {
    const auto expected = saliency_values(layout, table, resample_indices(12, 5, r));
    for (std::size_t m = 0; m < expected.size(); ++m)
      EXPECT_NEAR(replicates[m][static_cast<std::size_t>(r)], expected[m], 1e-13) << layout.measures[m].name;
  }
}

}  // namespace
}  // namespace assay
