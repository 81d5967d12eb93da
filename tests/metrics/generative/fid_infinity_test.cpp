#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "core/philox.h"
#include "metrics/generative/generative_protocols.h"

namespace assay {
namespace {

FeatureSet set_of(const std::vector<float>& values, std::int64_t width) {
  FeatureSet out;
  out.name = "set";
  out.count = static_cast<std::int64_t>(values.size()) / width;
  out.width = width;
  out.features = values;
  return out;
}

// Subsets of the reference itself: their distance falls to 0 at n, and a line over 1/n through it goes on below.
TEST(FidInfinity, OfASetAndItselfIsZeroAndSaysWhy) {
  std::vector<float> values(200 * 9);
  RandomStream(1, Purpose::noise, 0).fill_normal(values);
  const FeatureSet same = set_of(values, 9);
  const MetricRow row = find_generative_protocol("fid-infinity").score(same, same, {}).at(0);
  EXPECT_EQ(row.value, 0.0);
  EXPECT_EQ(row.interval.value().low, 0.0);
  EXPECT_LT(row.extra.at("fitted_limit").get<double>(), -0.01);
  EXPECT_THAT(row.note, ::testing::HasSubstr("taken as 0: the fit falls to -"));
}

TEST(FidInfinity, AboveZeroIsWhatTheLineGives) {
  std::vector<float> reference(400 * 4), moved(300 * 4);
  RandomStream(1, Purpose::noise, 0).fill_normal(reference);
  RandomStream(2, Purpose::noise, 0).fill_normal(moved);
  for (float& value : moved) value += 3.0f;
  const MetricRow row =
      find_generative_protocol("fid-infinity").score(set_of(reference, 4), set_of(moved, 4), {}).at(0);
  EXPECT_NEAR(row.value, 36.0, 3.0);
  EXPECT_EQ(row.extra.at("fitted_limit"), row.value);
  EXPECT_EQ(row.note, "");
}

}  // namespace
}  // namespace assay
