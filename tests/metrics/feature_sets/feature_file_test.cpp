#include "metrics/feature_sets/feature_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "core/error.h"
#include "tests/support/npy.h"
#include "tests/support/npz_batch.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::bytes_of;
using test::message_of;
using test::NpzMember;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

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
  EXPECT_THAT(refusal(), AllOf(HasSubstr("F32 [6]"), HasSubstr("[samples, numbers]")));
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
  EXPECT_THAT(message_of<InputError>([&] { read_feature_file(folder_.file("set.txt", "1 2 3")); }), HasSubstr(".npz"));
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
  std::vector<std::string> notes;
  const FeatureMoments moments = read_feature_moments(folder_ / "set.safetensors", 10, notes,
                                                      [&](std::int64_t done, std::int64_t) { told = done; });
  EXPECT_EQ(told, 3);
  EXPECT_TRUE(notes.empty());
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

template <class T>
std::string packed(const std::vector<T>& values, bool reversed = false) {
  std::string out;
  for (const T value : values) out += bytes_of(value, reversed);
  return out;
}

/// Sets as people save them with NumPy: [3, 2] features 1 to 6 unless a test says otherwise.
class FeatureFileOfOthers : public ::testing::Test {
 protected:
  static NpzMember features(const std::string& name = "features") {
    return {name, "<f4", {3, 2}, packed<float>({1, 2, 3, 4, 5, 6})};
  }
  FeatureSet read(const std::vector<NpzMember>& members) {
    test::write_npz(folder_ / "set.npz", members);
    return read_feature_file(folder_ / "set.npz");
  }
  std::string refusal(const std::vector<NpzMember>& members) {
    std::string message = message_of<InputError>([&] { read(members); });
    EXPECT_THAT(message, HasSubstr("set.npz"));
    return message;
  }
  test::TemporaryFolder folder_;
};

TEST_F(FeatureFileOfOthers, AreTheSameFeaturesUnderEveryNameTypeAndShape) {
  const FeatureSet plain = read({features()});
  EXPECT_THAT(plain.features, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(plain.converted_from, "");
  const auto same = [&](const FeatureSet& set) {
    return set.hash == plain.hash && set.count == 3 && set.width == 2 && set.notes.empty();
  };
  for (const char* name : {"arr_0", "feats", "reps", "pool3", "activations", "embeddings"})
    EXPECT_TRUE(same(read({features(name)}))) << name;
  const std::string floats = packed<float>({1, 2, 3, 4, 5, 6});
  for (const std::vector<std::int64_t>& shape :
       std::vector<std::vector<std::int64_t>>{{3, 2, 1, 1}, {3, 1, 1, 2}, {3, 1, 2}, {3, 2, 1}})
    EXPECT_TRUE(same(read({{"arr_0", "<f4", shape, floats}}))) << shape.size();
  EXPECT_TRUE(same(read({{"feats", ">f4", {3, 2}, packed<float>({1, 2, 3, 4, 5, 6}, true)}})));
  const auto npy = folder_.file("set.NPY", test::npy_of_type("f4", "3, 2", floats));
  EXPECT_TRUE(same(read_feature_file(npy)));
  test::write_npz(folder_ / "SET.NPZ", {features()});
  EXPECT_TRUE(same(read_feature_file(folder_ / "SET.NPZ")));
}

TEST_F(FeatureFileOfOthers, AreConvertedExactlyFromNarrowerTypes) {
  const std::string hash = read({features()}).hash;
  const auto found = [&](const std::string& type, const std::string& bytes) {
    const FeatureSet set = read({{"features", type, {3, 2}, bytes}});
    EXPECT_EQ(set.hash, hash) << type;
    return set.converted_from;
  };
  // 1 to 6 in float16 and bfloat16, by hand.
  EXPECT_EQ(found("<f2", packed<std::uint16_t>({0x3C00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600})), "float16");
  EXPECT_EQ(found(">f2", packed<std::uint16_t>({0x3C00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600}, true)), "float16");
  EXPECT_EQ(found("<V2", packed<std::uint16_t>({0x3F80, 0x4000, 0x4040, 0x4080, 0x40A0, 0x40C0})), "bfloat16");
  EXPECT_EQ(found("|u1", packed<std::uint8_t>({1, 2, 3, 4, 5, 6})), "uint8");
  EXPECT_EQ(found("<i8", packed<std::int64_t>({1, 2, 3, 4, 5, 6})), "int64");
  EXPECT_THAT(refusal({{"features", "<i4", {2, 2}, packed<std::int32_t>({1, 2, 16777217, 4})}}),
              AllOf(HasSubstr("16777217 in row 1, column 0"), HasSubstr("F64")));
  EXPECT_THAT(refusal({{"features", "<f2", {1, 2}, packed<std::uint16_t>({0x3C00, 0x7C00})}}),
              HasSubstr("inf in row 0, column 1"));
}

TEST_F(FeatureFileOfOthers, UnderAnotherNameAreTakenWhereNothingElseCanBeMeant) {
  const FeatureSet set = read({features("clip_embedding"), {"ids", "<i8", {3}, packed<std::int64_t>({1, 2, 3})}});
  EXPECT_EQ(set.width, 2);
  EXPECT_THAT(set.notes, ElementsAre(HasSubstr("'clip_embedding' was taken")));
  EXPECT_THAT(refusal({features("first"), features("second")}),
              AllOf(HasSubstr("'first' F32 [3, 2]"), HasSubstr("'second' F32 [3, 2]"), HasSubstr("features")));
}

TEST_F(FeatureFileOfOthers, ASquareMatrixBesideAVectorMayBeStatisticsAndIsRefused) {
  const std::string square = packed<float>({1, 0, 0, 1});
  EXPECT_THAT(refusal({{"Mu", "<f4", {2}, packed<float>({0, 0})}, {"Sigma", "<f4", {2, 2}, square}}),
              AllOf(HasSubstr("'Sigma' F32 [2, 2], 'Mu'"), HasSubstr("'mu' and 'sigma'")));
  EXPECT_EQ(read({{"clip", "<f4", {2, 2}, square}, {"ids", "<i8", {2}, packed<std::int64_t>({1, 2})}}).count, 2);
}

TEST_F(FeatureFileOfOthers, ADoubleBeyondFloatIsNamedAsItStands) {
  EXPECT_THAT(refusal({{"features", "<f8", {2, 2}, packed<double>({1, 2, 3, 1e39})}}),
              AllOf(HasSubstr("holds 1e+39 in row 1, column 1"), HasSubstr("beyond the range of float32")));
  EXPECT_THAT(refusal({{"features", "<f8", {1, 2}, packed<double>({1, std::numeric_limits<double>::infinity()})}}),
              AllOf(HasSubstr("holds inf in row 0, column 1"), Not(HasSubstr("float32"))));
}

TEST_F(FeatureFileOfOthers, HaveLabelsOfEveryIntegerTypeAndShape) {
  const auto labels = [&](const std::string& type, std::vector<std::int64_t> shape, const std::string& bytes) {
    const FeatureSet set = read({features(), {"labels", type, std::move(shape), bytes}});
    EXPECT_EQ(set.label_fault, "") << type;
    return set.labels;
  };
  const auto expected = ElementsAre(1, 0, 1);
  EXPECT_THAT(labels("<i4", {3}, packed<std::int32_t>({1, 0, 1})), expected);
  EXPECT_THAT(labels("|u1", {3, 1}, packed<std::uint8_t>({1, 0, 1})), expected);
  EXPECT_THAT(labels(">i8", {1, 3}, packed<std::int64_t>({1, 0, 1}, true)), expected);
  EXPECT_THAT(labels("<u8", {3, 1, 1}, packed<std::uint64_t>({1, 0, 1})), expected);
  EXPECT_THAT(labels("|b1", {3}, packed<std::uint8_t>({1, 0, 1})), expected);
  EXPECT_THAT(labels("<f8", {3}, packed<double>({1, 0, 1})), expected);
  EXPECT_THAT(labels("<i8", {3, 2}, packed<std::int64_t>({0, 1, 1, 0, 0, 1})), expected);  // one-hot
  EXPECT_THAT(read({features("arr_0"), {"arr_1", "<i2", {3}, packed<std::int16_t>({1, 0, 1})}}).labels, expected);
}

TEST_F(FeatureFileOfOthers, SayWhichLabelIsTooLarge) {
  const FeatureSet set =
      read({features(), {"labels", "<u8", {3}, packed<std::uint64_t>({1, std::uint64_t{1} << 63, 0})}});
  EXPECT_THAT(set.label_fault, AllOf(HasSubstr("in row 1"), HasSubstr("beyond 64 bits")));
}

TEST_F(FeatureFileOfOthers, SayWhatStandsWhereLabelsDoAndGoOn) {
  const auto fault = [&](const NpzMember& member) {
    const FeatureSet set = read({features("arr_0"), member});
    EXPECT_TRUE(set.labels.empty() && set.class_names.empty());
    EXPECT_THAT(set.notes, ElementsAre(HasSubstr(set.label_fault)));
    return set.label_fault;
  };
  EXPECT_THAT(fault({"arr_1", "<f4", {3, 2}, packed<float>({1, 2, 3, 4, 5, 6})}),
              AllOf(HasSubstr("'arr_1' holds F32 [3, 2]"), HasSubstr("one label for each of 3 samples")));
  EXPECT_THAT(fault({"arr_1", "<i8", {2}, packed<std::int64_t>({1, 2})}), HasSubstr("I64 [2]"));
  EXPECT_THAT(fault({"arr_1", "<f4", {3}, packed<float>({1, 2.5, 3})}), HasSubstr("2.5 in row 1"));
  EXPECT_THAT(fault({"labels", "<i8", {3, 2}, packed<std::int64_t>({1, 1, 1, 0, 0, 1})}), HasSubstr("I64 [3, 2]"));
  EXPECT_THAT(fault({"labels", "|O", {3}, "pickled"}), HasSubstr("|O"));
}

TEST_F(FeatureFileOfOthers, CarryClassNames) {
  const FeatureSet named = read({features(),
                                 {"labels", "<i8", {3}, packed<std::int64_t>({1, 0, 1})},
                                 {"class_names", "|S3", {2}, std::string("owlcat", 6)}});
  EXPECT_THAT(named.labels, ElementsAre(1, 0, 1));
  EXPECT_THAT(named.class_names, ElementsAre("owl", "cat"));
  const FeatureSet words = read({features(), {"labels", "|S3", {3}, std::string("owlcatowl", 9)}});
  EXPECT_THAT(words.labels, ElementsAre(1, 0, 1));
  EXPECT_THAT(words.class_names, ElementsAre("cat", "owl"));
  const FeatureSet short_list = read({features(),
                                      {"labels", "<i8", {3}, packed<std::int64_t>({1, 0, 2})},
                                      {"class_names", "|S3", {2}, std::string("owlcat", 6)}});
  EXPECT_THAT(short_list.label_fault, AllOf(HasSubstr("2 in row 2"), HasSubstr("2 names")));
  const FeatureSet twice = read({features(),
                                 {"labels", "<i8", {3}, packed<std::int64_t>({1, 0, 1})},
                                 {"class_names", "|S3", {2}, std::string("owlowl", 6)}});
  EXPECT_THAT(twice.labels, ElementsAre(1, 0, 1));
  EXPECT_TRUE(twice.class_names.empty());
  EXPECT_THAT(twice.notes, ElementsAre(HasSubstr("not all different")));
}

TEST_F(FeatureFile, ClassNamesStandInItsMetadata) {
  features({3, 2}, {1, 2, 3, 4, 5, 6});
  const std::vector<std::int64_t> labels = {1, 0, 1};
  writer_.add("labels", {3}, std::span<const std::int64_t>(labels));
  writer_.add_metadata("class_names", R"(["cat", "na\u00efve \"owl\""])");
  EXPECT_THAT(read().class_names, ElementsAre("cat", "na\xC3\xAFve \"owl\""));
  writer_.add_metadata("class_names", "cat, owl");
  const FeatureSet set = read();
  EXPECT_TRUE(set.class_names.empty());
  EXPECT_THAT(set.notes, ElementsAre(HasSubstr("no JSON list")));
}

TEST_F(FeatureFileOfOthers, CarryNamesOfTheSamples) {
  const FeatureSet named = read({features(), {"names", "|S3", {3}, std::string("b/1b/2a/1", 9)}});
  EXPECT_THAT(named.names, ElementsAre("b/1", "b/2", "a/1"));
  EXPECT_THAT(select(named, std::vector<std::int64_t>{2, 0}).names, ElementsAre("a/1", "b/1"));
  const FeatureSet fewer = read({features(), {"names", "|S3", {2}, std::string("b/1b/2", 6)}});
  EXPECT_THAT(fewer.names, IsEmpty());
  EXPECT_THAT(fewer.notes, ElementsAre(HasSubstr("names are 2 for 3 samples, and were not used")));
}

TEST_F(FeatureFile, NamesOfTheSamplesStandInItsMetadata) {
  features({3, 2}, {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(read().names, IsEmpty());
  writer_.add_metadata("names", R"(["10", "2", "00003"])");
  EXPECT_THAT(read().names, ElementsAre("10", "2", "00003"));
}

TEST_F(FeatureFileOfOthers, StatisticsComeInOtherShapesTypesAndNames) {
  const std::string mean = packed<double>({1, 2}), covariance = packed<double>({2, 1, 1, 3});
  const FeatureSet plain = read({{"mu", "<f8", {2}, mean}, {"sigma", "<f8", {2, 2}, covariance}});
  const auto same = [&](const std::vector<NpzMember>& members) { return read(members).hash == plain.hash; };
  EXPECT_TRUE(same({{"mean", "<f8", {2}, mean}, {"cov", "<f8", {2, 2}, covariance}}));
  EXPECT_TRUE(same({{"mu", "<f8", {1, 2}, mean}, {"sigma", "<f8", {1, 2, 2}, covariance}}));
  EXPECT_TRUE(same(
      {{"mu", ">f8", {2, 1}, packed<double>({1, 2}, true)}, {"sigma", "<f4", {2, 2}, packed<float>({2, 1, 1, 3})}}));
  for (const auto& [type, bytes] : {std::pair<std::string, std::string>{"<i4", packed<std::int32_t>({7})},
                                    {"<f8", packed<double>({7})},
                                    {"|u1", packed<std::uint8_t>({7})}})
    for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{}, {1}, {1, 1}})
      EXPECT_EQ(read({{"mu", "<f8", {2}, mean}, {"sigma", "<f8", {2, 2}, covariance}, {"n", type, shape, bytes}}).count,
                7)
          << type;
  EXPECT_THAT(
      refusal(
          {{"mu", "<f8", {2}, mean}, {"sigma", "<f8", {2, 2}, covariance}, {"n", "<f8", {}, packed<double>({7.5})}}),
      AllOf(HasSubstr("'n'"), HasSubstr("7.5")));
  EXPECT_THAT(refusal({{"mean", "<f8", {2}, mean}}), HasSubstr("no 'cov' beside 'mean'"));
  const FeatureSet both = read({features(), {"mu", "<f8", {2}, mean}, {"sigma", "<f8", {2, 2}, covariance}});
  EXPECT_EQ(both.hash, plain.hash);
  EXPECT_THAT(both.notes, ElementsAre(HasSubstr("features 'features' were not")));
  // Of each sample, as an autoencoder gives them.
  const std::string each = packed<double>({1, 2, 3, 4, 5, 6});
  EXPECT_EQ(read({features(), {"mu", "<f8", {3, 2}, each}, {"sigma", "<f8", {3, 2}, each}}).hash,
            read({features()}).hash);
}

TEST_F(FeatureFileOfOthers, ImagesAreCalledImages) {
  EXPECT_THAT(refusal({{"arr_0", "|u1", {1, 2, 2, 3}, std::string(12, 'x')}}),
              AllOf(HasSubstr("'arr_0' holds images, U8 [1, 2, 2, 3]"), HasSubstr("expected features")));
  EXPECT_THAT(refusal({{"arr_0", "<f4", {1, 2, 2, 3}, std::string(48, '\0')}}),
              AllOf(HasSubstr("'arr_0' holds F32 [1, 2, 2, 3]"), HasSubstr("U8"), HasSubstr("0 to 255")));
}

// bfloat16 and a tensor of a type that is not read, as PyTorch's users write them.
TEST_F(FeatureFile, TakesBfloat16BesideTensorsThatNeedNotBeRead) {
  features({1, 2}, {1, -2.5});
  const std::string hash = read().hash;
  SafetensorsWriter writer;
  const std::vector<std::uint16_t> numbers = {0x3F80, 0xC020};
  writer.add("features", DType::bf16, {1, 2}, std::as_bytes(std::span(numbers)));
  writer.add("scale", DType::u32, {1}, std::as_bytes(std::span(numbers)));
  writer.write(folder_ / "half.safetensors");
  const FeatureSet set = read_feature_file(folder_ / "half.safetensors");
  EXPECT_EQ(set.hash, hash);
  EXPECT_EQ(set.converted_from, "bfloat16");
}

}  // namespace
}  // namespace assay
