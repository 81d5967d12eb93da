#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "tests/end_to_end/program.h"
#include "tests/support/npy.h"
#include "tests/support/npz_batch.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using test::Outcome;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// x[i][j] = ((a i^2 + b i (j+1)^2 + c j^3 + i) mod m) / 32, exact in float; the same formula made the expected values.
std::vector<float> formula(std::int64_t n, std::int64_t width, std::int64_t a, std::int64_t b, std::int64_t c,
                           std::int64_t m) {
  std::vector<float> out;
  out.reserve(static_cast<std::size_t>(n * width));
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < width; ++j)
      out.push_back(static_cast<float>((a * i * i + b * i * (j + 1) * (j + 1) + c * j * j * j + i) % m) / 32.0f);
  return out;
}

std::vector<float> first(std::int64_t n, std::int64_t width) { return formula(n, width, 7, 13, 5, 101); }
std::vector<float> second(std::int64_t n, std::int64_t width) { return formula(n, width, 11, 3, 17, 89); }

class MetricGenerative : public ::testing::Test {
 protected:
  std::string features(const std::string& name, std::int64_t width, const std::vector<float>& values) {
    SafetensorsWriter writer;
    writer.add("features", {static_cast<std::int64_t>(values.size()) / width, width}, std::span<const float>(values));
    writer.write(folder_ / name);
    return (folder_ / name).string();
  }
  static Outcome metric(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "metric");
    return test::run_program(ASSAY_BINARY, arguments);
  }
  static nlohmann::json rows(const std::string& reference, const std::string& generated, const std::string& protocols,
                             std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"generative", "--reference", reference, "--generated",
                                          generated,    "--protocol",  protocols, "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = metric(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.exit_code == 0 ? nlohmann::json::parse(outcome.out)["results"] : nlohmann::json::array({{}});
  }
  static std::string refusal(const std::vector<std::string>& arguments) {
    const Outcome outcome = metric(arguments);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    return outcome.err;
  }
  test::TemporaryFolder folder_;
};

// pytorch-fid 0.3.0 calculate_frechet_distance 2.8249073094160586, torch-fidelity 0.4.0 fid_statistics_to_metric
// 2.8249073094160515; over n: scipy.linalg.sqrtm of numpy.cov(ddof=0) 2.8208051918665404.
TEST_F(MetricGenerative, EqualsPytorchFidAndTorchFidelity) {
  const auto reference = features("r.safetensors", 20, first(300, 20));
  const auto generated = features("g.safetensors", 20, second(260, 20));
  const auto found = rows(reference, generated, "fid-torch,fid-tf1,fid-sg3,fd-small");
  ASSERT_EQ(found.size(), 4U);
  for (const std::size_t i : {0U, 1U, 3U}) EXPECT_NEAR(found[i]["value"].get<double>(), 2.82490730941605, 1e-11);
  EXPECT_NEAR(found[2]["value"].get<double>(), 2.8208051918665404, 1e-11);
  EXPECT_EQ(found[0]["metric"], "fid");
  EXPECT_EQ(found[3]["metric"], "fd");
  EXPECT_EQ(found[0]["n_reference"], 300);
  EXPECT_EQ(found[0]["n_generated"], 260);
  EXPECT_EQ(found[0]["route"], "cholesky");
  EXPECT_EQ(found[0]["features"], "given");
  EXPECT_EQ(found[0]["generated_hash"].get<std::string>().size(), 32U);
  EXPECT_LT(found[0]["low"].get<double>(), found[0]["value"].get<double>());
  EXPECT_GT(found[0]["high"].get<double>(), found[0]["value"].get<double>());
}

// scipy.linalg.sqrtm as above; 14 spatial numbers 1.4585255936021682.
TEST_F(MetricGenerative, TakesPublicStatisticsAsReference) {
  const std::string statistics = ASSAY_TEST_DATA "/metrics/statistics.npz";
  const auto usual = rows(statistics, features("g.safetensors", 20, second(260, 20)), "fid-tf1");
  EXPECT_NEAR(usual[0]["value"].get<double>(), 2.82490730941605, 1e-11);
  EXPECT_FALSE(usual[0].contains("n_reference"));
  const auto spatial = rows(statistics, features("s.safetensors", 14, second(260, 14)), "sfid-oai");
  EXPECT_EQ(spatial[0]["metric"], "sfid");
  EXPECT_NEAR(spatial[0]["value"].get<double>(), 1.4585255936021682, 1e-11);
}

TEST_F(MetricGenerative, IdenticalSetsGiveZero) {
  for (const std::int64_t n : {300, 12, 2}) {
    const auto same = features("same.safetensors", 20, first(n, 20));
    const double value = rows(same, same, "fid-tf1", {"--bootstrap", "0"})[0]["value"].get<double>();
    EXPECT_GE(value, 0.0);
    EXPECT_LT(value, 1e-9) << n;
  }
}

TEST_F(MetricGenerative, ConstantFeaturesLeaveTheMeanAndTheOtherSpread) {
  const auto flat = features("flat.safetensors", 2, std::vector<float>(20, 1.0f));
  const auto moved = features("moved.safetensors", 2, std::vector<float>(20, 4.0f));
  EXPECT_NEAR(rows(flat, moved, "fid-tf1")[0]["value"].get<double>(), 18.0, 1e-12);
}

TEST_F(MetricGenerative, InfinityRemovesTheBiasOfFewSamples) {
  // Both sets from one distribution: the truth is 0 up to the reference's own error.
  const auto normal = [](std::int64_t n, std::uint64_t seed) {
    std::vector<float> out(static_cast<std::size_t>(n * 16));
    RandomStream(seed, Purpose::noise, 0).fill_normal(out);
    return out;
  };
  const auto reference = features("r.safetensors", 16, normal(20000, 1));
  const auto generated = features("g.safetensors", 16, normal(600, 2));
  const auto found = rows(reference, generated, "fid-tf1,fid-infinity");
  EXPECT_EQ(found[1]["metric"], "fid_infinity");
  EXPECT_EQ(found[1]["subset_sizes"].size(), 15U);
  EXPECT_EQ(found[1]["subset_sizes"][14], 600);
  EXPECT_GT(found[0]["value"].get<double>(), 0.1);
  EXPECT_LT(std::abs(found[1]["value"].get<double>()), 0.4 * found[0]["value"].get<double>());
  EXPECT_EQ(rows(reference, generated, "fid-infinity"), nlohmann::json::array({found[1]}));
}

TEST_F(MetricGenerative, ShardsMergeToTheSameBytesHoweverTheyWereSplit) {
  const auto all = first(700, 9);
  const auto part = [&](const std::string& name, std::size_t from, std::size_t to) {
    const auto input = features(
        name + ".features.safetensors", 9,
        {all.begin() + static_cast<std::ptrdiff_t>(9 * from), all.begin() + static_cast<std::ptrdiff_t>(9 * to)});
    std::string out = (folder_ / (name + ".safetensors")).string();
    const Outcome outcome = metric({"features", "--input", input, "--first-index", std::to_string(from), "--out", out});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return out;
  };
  const auto merged = [&](const std::string& name, std::vector<std::string> shards) {
    shards.insert(shards.begin(), "merge");
    shards.insert(shards.end(), {"--out", (folder_ / name).string()});
    const Outcome outcome = metric(shards);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return read_file(folder_ / name);
  };
  const auto a = part("a", 0, 100), b = part("b", 100, 530), c = part("c", 530, 700), whole = part("whole", 0, 700);
  const std::string expected = read_file(whole);
  EXPECT_EQ(merged("abc", {a, b, c}), expected);
  EXPECT_EQ(merged("cab", {c, a, b}), expected);

  const auto other = features("other.safetensors", 9, second(300, 9));
  const auto from_features = rows(other, (folder_ / "whole.features.safetensors").string(), "fid-tf1");
  const auto from_statistics = rows(other, whole, "fid-tf1");
  EXPECT_EQ(from_statistics[0]["value"], from_features[0]["value"]);
  EXPECT_EQ(from_statistics[0]["n_generated"], 700);
  EXPECT_TRUE(from_statistics[0]["low"].is_null());

  const std::string out = (folder_ / "bad").string();
  EXPECT_THAT(refusal({"merge", a, c, "--out", out}), HasSubstr("samples 100 to 529 are in no shard"));
  EXPECT_EQ(metric({"merge", a, c, "--partial", "--out", out}).exit_code, 0);
  EXPECT_THAT(refusal({"merge", a, whole, "--out", out}), AllOf(HasSubstr("whole.safetensors"), HasSubstr("sample 0")));
  EXPECT_THAT(refusal({"merge", other, "--out", out}), HasSubstr("no feature moments"));
}

template <class T>
std::string packed(const std::vector<T>& values, bool reversed = false) {
  std::string out;
  for (const T value : values) out += test::bytes_of(value, reversed);
  return out;
}

/// The float16 of a number that it holds exactly.
std::uint16_t half_of(float value) {
  if (value == 0) return 0;
  int exponent = 0;
  const float fraction = std::frexp(value, &exponent);
  return static_cast<std::uint16_t>((exponent + 14) << 10 | static_cast<int>((2 * fraction - 1) * 1024));
}

// The same numbers as NumPy, MATLAB, JAX and dgm-eval leave them; the value is that of
// EqualsPytorchFidAndTorchFidelity.
TEST_F(MetricGenerative, ScoresDoNotDependOnHowFeaturesWereSaved) {
  const std::vector<float> values = second(260, 20);
  std::vector<std::uint16_t> halves;
  std::vector<float> columns;
  halves.reserve(values.size());
  for (const float value : values) halves.push_back(half_of(value));
  for (std::size_t j = 0; j < 20; ++j)
    for (std::size_t i = 0; i < 260; ++i) columns.push_back(values[20 * i + j]);
  const auto reference = features("r.safetensors", 20, first(300, 20));
  struct Saved {
    std::string file, converted_from;
  };
  std::vector<Saved> saved = {{features("plain.safetensors", 20, values), ""}};
  const auto npy = [&](const char* name, const std::string& type, const std::string& shape, const std::string& bytes) {
    return folder_.file(name, test::npy_of_type(type, shape, bytes)).string();
  };
  const auto npz = [&](const char* name, const char* key, const std::string& type, std::vector<std::int64_t> shape,
                       const std::string& bytes) {
    test::write_npz(folder_ / name,
                    {{key, type, std::move(shape), bytes}, {"arr_1", "<f4", {260, 2}, std::string(260 * 8, '\0')}});
    return (folder_ / name).string();
  };
  saved.push_back({npy("big.npy", ">f4", "260, 20", packed(values, true)), ""});
  saved.push_back({npy("native.NPY", "f4", "260L, 20L", packed(values)), ""});
  saved.push_back({npy("four.npy", "=f4", "260, 20, 1, 1", packed(values)), ""});
  saved.push_back({npy("half.npy", "<f2", "260, 20", packed(halves)), "float16"});
  saved.push_back({npz("feats.npz", "feats", "<f4", {260, 20}, packed(values)), ""});
  saved.push_back({npz("UPPER.NPZ", "arr_0", "<f4", {260, 1, 1, 20}, packed(values)), ""});
  saved.push_back({npz("big_half.npz", "reps", ">f2", {260, 20}, packed(halves, true)), "float16"});
  saved.push_back(
      {folder_
           .file("columns.npy",
                 test::npy_of("{\"shape\": (260, 20), 'fortran_order' : True, 'descr' : '<f4'}", packed(columns)))
           .string(),
       ""});
  std::string hash;
  for (const Saved& set : saved) {
    const auto found = rows(reference, set.file, "fid-tf1,prdc5");
    EXPECT_NEAR(found[0]["value"].get<double>(), 2.82490730941605, 1e-11) << set.file;
    if (hash.empty()) hash = found[0]["generated_hash"];
    for (const auto& row : found) {
      EXPECT_EQ(row["generated_hash"], hash) << set.file;
      EXPECT_EQ(row.value("converted_from", ""), set.converted_from) << set.file;
    }
  }
}

TEST_F(MetricGenerative, WhatIsNoLabelMattersOnlyWhereLabelsAreNeeded) {
  const auto file = (folder_ / "latents.npz").string();
  test::write_npz(file,
                  {{"arr_0", "<f4", {30, 2}, packed(first(30, 2))}, {"arr_1", "<f4", {30, 2}, packed(second(30, 2))}});
  EXPECT_EQ(rows(file, file, "fid-tf1")[0]["value"], 0.0);
  EXPECT_THAT(refusal({"generative", "--reference", file, "--generated", file, "--protocol", "fid-tf1", "--per-class"}),
              AllOf(HasSubstr("latents.npz"), HasSubstr("'arr_1' holds F32 [30, 2]"),
                    HasSubstr("one label for each of 30 samples")));
}

TEST_F(MetricGenerative, SaysWhatIsWrong) {
  const auto wide = features("wide.safetensors", 20, first(30, 20)),
             thin = features("thin.safetensors", 6, first(30, 6));
  const auto one = features("one.safetensors", 6, first(1, 6));
  EXPECT_THAT(refusal({"generative", "--reference", wide, "--generated", thin, "--protocol", "fid-tf1"}),
              AllOf(HasSubstr("20 numbers"), HasSubstr("holds 6")));
  EXPECT_THAT(refusal({"generative", "--reference", thin, "--generated", one, "--protocol", "fid-tf1"}),
              AllOf(HasSubstr("one.safetensors"), HasSubstr("at least 2")));
  EXPECT_THAT(refusal({"generative", "--generated", thin, "--protocol", "fid-tf1"}), HasSubstr("--reference"));
  EXPECT_THAT(refusal({"generative", "--reference", thin, "--generated", thin, "--protocol", "fid-tf2"}),
              HasSubstr("did you mean 'fid-tf1'"));
  EXPECT_THAT(
      refusal({"generative", "--reference", folder_.path().string(), "--generated", thin, "--protocol", "fid-tf1"}),
      HasSubstr("no images; accepted: .png"));
  EXPECT_THAT(refusal({"generative", "--reference", thin, "--generated", folder_.file("e.npz", "").string(),
                       "--protocol", "fid-tf1"}),
              HasSubstr("e.npz"));
  EXPECT_THAT(refusal({"generative", "--reference", thin, "--generated", one, "--protocol", "fid-infinity"}),
              HasSubstr("at least 30"));
}

}  // namespace
}  // namespace assay
