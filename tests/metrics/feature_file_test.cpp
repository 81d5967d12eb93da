#include "metrics/feature_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "core/error.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::span<const std::byte> bytes(const std::vector<double>& values) { return std::as_bytes(std::span(values)); }

class FeatureFile : public ::testing::Test {
 protected:
  FeatureSet read() {
    writer_.write(folder_ / "set.safetensors");
    return read_feature_file(folder_ / "set.safetensors");
  }
  std::string refusal() {
    std::string message = message_of<InputError>([&] { read(); });
    EXPECT_THAT(message, HasSubstr("set.safetensors"));
    return message;
  }
  void features(std::vector<std::int64_t> shape, std::vector<float> values) {
    writer_.add("features", std::move(shape), std::span<const float>(values));
  }
  void statistics(std::int64_t width, const std::vector<double>& sigma, std::vector<std::int64_t> shape) {
    writer_.add("mu", DType::f64, {width}, bytes(std::vector<double>(static_cast<std::size_t>(width), 1.0)));
    writer_.add("sigma", DType::f64, std::move(shape), bytes(sigma));
  }
  test::TemporaryFolder folder_;
  SafetensorsWriter writer_;
};

TEST_F(FeatureFile, HoldsFeaturesLogitsAndLabels) {
  features({3, 2}, {1, 2, 3, 4, 5, 6});
  const std::vector<float> logits = {0, 1, 2};
  writer_.add("logits", {3, 1}, std::span<const float>(logits));
  const std::vector<std::int64_t> labels = {7, 8, 9};
  writer_.add("labels", {3}, std::span<const std::int64_t>(labels));
  const FeatureSet set = read();
  EXPECT_EQ(set.count, 3);
  EXPECT_EQ(set.width, 2);
  EXPECT_EQ(set.classes, 1);
  EXPECT_THAT(set.features, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(set.logits, ElementsAre(0, 1, 2));
  EXPECT_THAT(set.labels, ElementsAre(7, 8, 9));
  EXPECT_FALSE(set.statistics_only());
}

TEST_F(FeatureFile, IsNamedByItsNumbersAlone) {
  features({2, 2}, {1, 2, 3, 4});
  const std::string hash = read().hash;
  writer_.add_metadata("made", "elsewhere");
  EXPECT_EQ(read().hash, hash);
  features({2, 2}, {1, 2, 3, 5});
  EXPECT_NE(read().hash, hash);
  features({1, 4}, {1, 2, 3, 4});
  EXPECT_NE(read().hash, hash);
}

TEST_F(FeatureFile, NamesRowAndColumnOfWhatIsNotFinite) {
  features({2, 3}, {1, 2, 3, 4, std::numeric_limits<float>::infinity(), 6});
  EXPECT_THAT(refusal(), AllOf(HasSubstr("'features'"), HasSubstr("inf in row 1, column 1")));
  features({2, 3}, {1, 2, std::numeric_limits<float>::quiet_NaN(), 4, 5, 6});
  EXPECT_THAT(refusal(), HasSubstr("nan in row 0, column 2"));
}

TEST_F(FeatureFile, RefusesShapesThatDoNotFit) {
  features({6}, {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(refusal(), HasSubstr("[6]; expected [samples, numbers]"));
  features({0, 3}, {});
  EXPECT_THAT(refusal(), HasSubstr("is empty: [0, 3]"));
  features({2, 3}, {1, 2, 3, 4, 5, 6});
  const std::vector<std::int64_t> labels = {7, 8, 9};
  writer_.add("labels", {3}, std::span<const std::int64_t>(labels));
  EXPECT_THAT(refusal(), AllOf(HasSubstr("'labels'"), HasSubstr("expected [2]")));
}

TEST_F(FeatureFile, SaysWhatItHoldsInstead) {
  const std::vector<float> weights = {1};
  writer_.add("conv.weight", {1}, std::span<const float>(weights));
  EXPECT_THAT(refusal(), AllOf(HasSubstr("conv.weight"), HasSubstr("expected features")));
  EXPECT_THAT(message_of<InputError>([&] { read_feature_file(folder_ / "set.txt"); }), HasSubstr(".npz"));
}

TEST_F(FeatureFile, RefusesWhatIsNoCovariance) {
  statistics(2, {1, 0, 0, 1, 0, 0}, {2, 3});
  EXPECT_THAT(refusal(), AllOf(HasSubstr("'sigma'"), HasSubstr("expected [2, 2]")));
  statistics(2, {1, 0.5, 0.4, 1}, {2, 2});
  EXPECT_THAT(refusal(), HasSubstr("not symmetric"));
  statistics(2, {1, 0, 0, -1}, {2, 2});
  EXPECT_THAT(refusal(), HasSubstr("negative variance in column 1"));
  statistics(2, {1, 2, 2, 1}, {2, 2});  // eigenvalues 3 and -1
  EXPECT_THAT(refusal(), HasSubstr("no covariance: its smallest eigenvalue is -1"));
  statistics(2, {1, std::numeric_limits<double>::quiet_NaN(), 0, 1}, {2, 2});
  EXPECT_THAT(refusal(), HasSubstr("nan in row 0, column 1"));
}

TEST_F(FeatureFile, TakesASingularCovariance) {
  statistics(2, {1, 1, 1, 1}, {2, 2});
  const FeatureSet set = read();
  EXPECT_TRUE(set.statistics_only());
  EXPECT_EQ(set.count, 0);
  EXPECT_EQ(gaussian(set).covariance, Eigen::Matrix2d::Ones());
}

TEST_F(FeatureFile, ReadsFeatureMomentsAsTheirSamples) {
  const std::vector<float> rows = {1, 2, 3, 4, 5, 7};
  FeatureMoments moments(2);
  moments.add(0, rows);
  moments.save(writer_, moments_prefix);
  const FeatureSet set = read();
  EXPECT_EQ(set.count, 3);
  EXPECT_EQ(set.width, 2);
  EXPECT_EQ(gaussian(set, Divisor::n).covariance, moments.covariance(Divisor::n));
}

// What is not kept is read all the same: the hash, the faults and the Gaussian are those of the samples.
TEST_F(FeatureFile, StatisticsAndRoundedFeaturesAreThoseOfTheSamples) {
  constexpr std::int64_t n = 3000, width = 3;  // more rows than one piece
  std::vector<double> values;
  for (std::int64_t i = 0; i < n * width; ++i) values.push_back(1e3 + 0.1 * static_cast<double>(i * i % 101));
  const std::vector<float> rounded(values.begin(), values.end()), logits(n, 0.5F);
  for (const bool in_double : {false, true}) {
    if (in_double)
      writer_.add("features", DType::f64, {n, width}, bytes(values));
    else
      features({n, width}, rounded);
    writer_.add("logits", {n, 1}, std::span<const float>(logits));
    const FeatureSet all = read();
    const FeatureSet floats = read_feature_file(folder_ / "set.safetensors", KeepOfFeatures::rounded);
    const FeatureSet moments = read_feature_file(folder_ / "set.safetensors", KeepOfFeatures::statistics);
    EXPECT_EQ(all.hash, hash_of_samples(all));
    EXPECT_EQ(floats.hash, all.hash);
    EXPECT_EQ(moments.hash, all.hash);
    EXPECT_EQ(all.doubles.empty(), !in_double);
    EXPECT_TRUE(floats.doubles.empty());
    EXPECT_EQ(floats.from_double, in_double);
    EXPECT_TRUE(std::equal(floats.features.begin(), floats.features.end(), all.features.begin(), all.features.end()));
    EXPECT_EQ(floats.logits.size(), logits.size());
    const FeatureSet both = read_feature_file(folder_ / "set.safetensors", KeepOfFeatures::rounded_and_statistics);
    EXPECT_EQ(both.hash, all.hash);
    EXPECT_TRUE(both.has_features() && both.doubles.empty() && !both.statistics_only());
    EXPECT_EQ(gaussian(both).covariance, gaussian(all).covariance);
    EXPECT_FALSE(moments.has_features());
    EXPECT_EQ(moments.count, n);
    for (const Divisor divisor : {Divisor::n, Divisor::n_minus_1}) {
      EXPECT_EQ(gaussian(moments, divisor).mean, gaussian(all, divisor).mean);
      EXPECT_EQ(gaussian(moments, divisor).covariance, gaussian(all, divisor).covariance);
    }
  }
  values[2500 * width + 1] = std::numeric_limits<double>::infinity();
  writer_.add("features", DType::f64, {n, width}, bytes(values));
  EXPECT_THAT(refusal(), HasSubstr("inf in row 2500, column 1"));
}

TEST_F(FeatureFile, FewRowsAreKeptWhateverIsAskedFor) {
  features({2, 3}, {1, 2, 3, 4, 5, 7});
  writer_.write(folder_ / "set.safetensors");
  const FeatureSet set = read_feature_file(folder_ / "set.safetensors", KeepOfFeatures::statistics);
  EXPECT_TRUE(set.has_features());
  EXPECT_TRUE(gaussian(set).low_rank());
}

TEST_F(FeatureFile, MomentsStartAtTheIndexAskedFor) {
  features({3, 2}, {1, 2, 3, 4, 5, 7});
  writer_.write(folder_ / "set.safetensors");
  std::int64_t told = 0;
  const FeatureMoments moments =
      read_feature_moments(folder_ / "set.safetensors", 10, [&](std::int64_t done, std::int64_t) { told = done; });
  EXPECT_EQ(told, 3);
  EXPECT_EQ(moments.count(), 3);
  EXPECT_THAT(moments.gaps(), ElementsAre(std::pair<std::int64_t, std::int64_t>(0, 9)));
}

// sFID compares spatial statistics, and those of the pool are no substitute.
TEST_F(FeatureFile, SpatialStatisticsAreNotReplacedByTheUsualOnes) {
  statistics(2, {1, 0, 0, 1}, {2, 2});
  const FeatureSet set = read();
  EXPECT_THAT(message_of<InputError>([&] { spatial_of(set); }), AllOf(HasSubstr("mu_s"), HasSubstr("sigma_s")));
}

TEST_F(FeatureFile, OneSampleHasNoCovariance) {
  features({1, 3}, {1, 2, 3});
  const FeatureSet set = read();
  EXPECT_THAT(message_of<InputError>([&] { gaussian(set); }), AllOf(HasSubstr("1 sample"), HasSubstr("at least 2")));
}

// tests/data/metrics/statistics.npz, by NumPy: mean and numpy.cov of the integers' formula in frechet_test.cpp,
// first(300, 20) as mu and sigma, first(300, 14) as mu_s and sigma_s.
TEST(FeatureFileNpz, HoldsSpatialStatisticsBesideTheUsual) {
  const FeatureSet set = read_feature_file(ASSAY_TEST_DATA "/metrics/statistics.npz");
  EXPECT_EQ(set.width, 20);
  ASSERT_TRUE(set.spatial_statistics);
  EXPECT_EQ(set.spatial_statistics->width(), 14);
}

}  // namespace
}  // namespace assay
