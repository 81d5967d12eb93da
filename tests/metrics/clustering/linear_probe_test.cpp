#include "metrics/clustering/linear_probe.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/philox.h"

namespace assay {
namespace {

struct Blobs {
  std::vector<float> features;
  std::vector<std::int64_t> labels;
};

/// `per_class` points about each of three corners of a triangle.
Blobs blobs(std::int64_t per_class, double spread) {
  const std::vector<std::vector<double>> corners = {{0, 0}, {10, 0}, {0, 10}};
  Blobs set;
  RandomStream random(7, Purpose::dataset, 0);
  for (std::int64_t i = 0; i < 3 * per_class; ++i) {
    const std::int64_t label = i % 3;
    for (const double c : corners[static_cast<std::size_t>(label)])
      set.features.push_back(static_cast<float>(c + spread * random.normal()));
    set.labels.push_back(label);
  }
  return set;
}

TEST(LinearProbe, TellsSeparableClassesApart) {
  const Blobs train = blobs(50, 0.5), fresh = blobs(20, 1.0);
  const LinearProbe probe(train.features, 2, train.labels, 3);
  EXPECT_EQ(probe.classify(fresh.features), fresh.labels);
}

TEST(LinearProbe, DoesNotDependOnAnOffsetOfTheFeatures) {
  const Blobs train = blobs(30, 3.0);
  std::vector<float> moved = train.features;
  for (float& value : moved) value += 64.0f;
  const LinearProbe here(train.features, 2, train.labels, 3), there(moved, 2, train.labels, 3);
  EXPECT_EQ(here.classify(train.features), there.classify(moved));
}

TEST(LinearProbe, SurvivesAFeatureThatNeverChanges) {
  Blobs train = blobs(30, 0.5);
  std::vector<float> wide;
  for (std::size_t i = 0; i < train.labels.size(); ++i)
    wide.insert(wide.end(), {train.features[2 * i], 4.0f, train.features[2 * i + 1]});
  const LinearProbe probe(wide, 3, train.labels, 3);
  EXPECT_EQ(probe.classify(wide), train.labels);
}

TEST(LinearProbe, RefusesALabelOutOfRangeAndAValueThatIsNotFinite) {
  Blobs train = blobs(3, 0.5);
  EXPECT_THROW(LinearProbe(train.features, 2, train.labels, 2), InputError);
  train.features[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(LinearProbe(train.features, 2, train.labels, 3), InputError);
}

}  // namespace
}  // namespace assay
