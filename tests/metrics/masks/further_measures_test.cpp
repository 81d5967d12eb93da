#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "metrics/masks/border_tracing.h"
#include "metrics/masks/saliency_evaluator.h"
#include "metrics/metric_facts.h"

namespace assay {
namespace {

constexpr std::array protocols = {SaliencyProtocol::pysod_counts, SaliencyProtocol::pysod_msiou,
                                  SaliencyProtocol::pysod_hce, SaliencyProtocol::pysod_context};

nlohmann::json read_cases() {
  std::ifstream file(std::filesystem::path(ASSAY_TEST_DATA) / "saliency/further.json");
  return nlohmann::json::parse(file);
}

struct Map {
  int width, height;
  std::vector<std::uint8_t> prediction, truth;
  std::vector<double> columns(SaliencyProtocol protocol) const {
    std::vector<double> out(saliency_layout(protocol).columns);
    SaliencyEvaluator().evaluate({prediction.data(), truth.data(), width, height}, protocol, out);
    return out;
  }
};

Map map_of(const nlohmann::json& one) { return {one["width"], one["height"], one["prediction"], one["truth"]}; }

// tests/data/saliency/make_further.py ran PySODMetrics on these.
TEST(FurtherMeasures, AgreeWithPySodMetricsOnEveryCase) {
  const nlohmann::json cases = read_cases()["cases"];
  ASSERT_EQ(cases.size(), 23u);
  for (const nlohmann::json& one : cases) {
    const Map map = map_of(one);
    std::size_t compared = 0;
    for (const SaliencyProtocol protocol : protocols) {
      const std::vector<double> columns = map.columns(protocol);
      for (const SaliencyMeasure& measure : saliency_layout(protocol).measures) {
        if (measure.kind == SaliencyMeasure::Kind::pooled) continue;
        ++compared;
        const nlohmann::json& expected = one["expected"][measure.name];
        const double value = measure.of(columns);
        if (expected.is_null())
          EXPECT_TRUE(std::isnan(value)) << one["name"] << " " << measure.name;
        else
          EXPECT_NEAR(value, expected.get<double>(), 1e-9) << one["name"] << " " << measure.name;
      }
    }
    EXPECT_EQ(compared, one["expected"].size());
  }
}

TEST(FurtherMeasures, OfTheSetAreThoseOfAllPixelsTogether) {
  const nlohmann::json data = read_cases();
  const SaliencyLayout& layout = saliency_layout(SaliencyProtocol::pysod_counts);
  std::vector<double> table;
  std::vector<std::int64_t> used;
  for (const nlohmann::json& one : data["cases"]) {
    const std::vector<double> columns = map_of(one).columns(SaliencyProtocol::pysod_counts);
    table.insert(table.end(), columns.begin(), columns.end());
    used.push_back(static_cast<std::int64_t>(used.size()));
  }
  const std::vector<double> values = saliency_values(layout, table, used);
  std::size_t compared = 0;
  for (std::size_t m = 0; m < values.size(); ++m) {
    if (layout.measures[m].kind != SaliencyMeasure::Kind::pooled) continue;
    EXPECT_NEAR(values[m], data["set"][layout.measures[m].name].get<double>(), 1e-12) << layout.measures[m].name;
    ++compared;
  }
  EXPECT_EQ(compared, data["set"].size());
}

TEST(FurtherMeasures, HaveARowOfFactsEach) {
  for (const SaliencyProtocol protocol : protocols)
    for (const SaliencyMeasure& measure : saliency_layout(protocol).measures)
      EXPECT_NE(direction_of(measure.name), Better::unstated) << measure.name;
}

// 160,000 pixels with an edge everywhere: more than float16 counts.
TEST(MultiscaleIou, LosesTheFinestScaleOfALargeTextureAsPySodMetricsDoes) {
  constexpr int side = 400;
  Map map{side, side, {}, {}};
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) map.truth.push_back((x / 2 + y / 2) % 2 == 0 ? 255 : 0);
  map.prediction = map.truth;
  // Half of the first of nine trapezoids: its left side is 0 where a mask against itself should have 1.
  EXPECT_NEAR(map.columns(SaliencyProtocol::pysod_msiou).back(), 1.0 - 0.5 / 9.0, 2e-3);
}

TEST(BorderTracing, GoesAroundAComponentAndItsHole) {
  // A ring of 3 x 3 pixels with a hole, and a pixel below.
  const std::vector<std::uint8_t> mask = {1, 1, 1, 0,  //
                                          1, 0, 1, 0,  //
                                          1, 1, 1, 0,  //
                                          0, 0, 0, 0,  //
                                          0, 1, 0, 0};
  const auto borders = trace_borders(mask, 4, 5);
  ASSERT_EQ(borders.size(), 3u);
  EXPECT_EQ(borders[0].size(), 1u);  // found last, listed first
  EXPECT_EQ(borders[0][0].y, 4);
  ASSERT_EQ(borders[1].size(), 8u);
  EXPECT_EQ(borders[1][1].y, 1);  // downwards first
  EXPECT_EQ(borders[2].size(), 4u);
}

TEST(BorderTracing, ALineKeepsItsEndsAndItsCorner) {
  std::vector<PixelPlace> line;
  for (int x = 0; x <= 10; ++x) line.push_back({x, 0});
  EXPECT_EQ(simplified_points(line, 2.0), 2);
  for (int y = 1; y <= 10; ++y) line.push_back({10, y});
  EXPECT_EQ(simplified_points(line, 2.0), 3);
  EXPECT_EQ(simplified_points({{3, 3}}, 2.0), 1);
}

}  // namespace
}  // namespace assay
