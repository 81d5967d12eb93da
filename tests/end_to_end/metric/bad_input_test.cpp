#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "images/png.h"
#include "tests/end_to_end/program.h"
#include "tests/support/repeatable_numbers.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using nlohmann::json;
using test::Outcome;
using test::repeatable_numbers;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class MetricBadInput : public ::testing::Test {
 protected:
  TemporaryFolder folder;

  std::string path(const std::string& name) const { return (folder / name).string(); }

  std::string features(const std::string& name, std::int64_t n, std::int64_t width, std::uint64_t seed,
                       float scale = 1.0f) const {
    auto values = repeatable_numbers(n * width, seed);
    for (float& value : values) value *= scale;
    SafetensorsWriter writer;
    writer.add("features", {n, width}, std::span<const float>(values));
    writer.write(folder / name);
    return path(name);
  }

  std::string doubles(const std::string& name, const std::vector<double>& values) const {
    SafetensorsWriter writer;
    writer.add("features", DType::f64, {static_cast<std::int64_t>(values.size()), 1}, std::as_bytes(std::span(values)));
    writer.write(folder / name);
    return path(name);
  }

  std::string text(const std::string& name, const std::string& content) const {
    return folder.file(name, content).string();
  }

  std::string masks(const std::string& name) const {
    std::filesystem::create_directory(folder / name);
    Image image(4, 3, 1);
    image.pixels[5] = 255;
    write_png(folder / name / "a.png", image);
    write_png(folder / name / "b.png", image);
    return path(name);
  }
};

Outcome metric(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "metric");
  return test::run_program(ASSAY_BINARY, arguments);
}

/// Exit code 2 and one line; returns it.
std::string refusal(const std::vector<std::string>& arguments) {
  const Outcome outcome = metric(arguments);
  EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  return outcome.err;
}

json results(std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  const Outcome outcome = metric(std::move(arguments));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  return json::parse(outcome.out).at("results");
}

TEST_F(MetricBadInput, OneReplicateANegativeNumberAndAnEndlessOneAreRefusedEverywhere) {
  const std::string a = features("a.safetensors", 20, 3, 1), labels = text("labels", "1\n2\n1\n2\n");
  const std::string images = masks("masks");
  const std::vector<std::vector<std::string>> commands = {
      {"generative", "--reference", a, "--generated", a, "--protocol", "fid-tf1"},
      {"compare", "--reference", a, "--a", a, "--b", a, "--protocol", "fid-tf1"},
      {"saliency", "--prediction", images, "--truth", images},
      {"clustering", "--prediction", labels, "--truth", labels}};
  for (const auto& command : commands) {
    for (const char* replicates : {"1", "-1", "99999999999999999999"}) {
      std::vector<std::string> arguments = command;
      arguments.insert(arguments.end(), {"--bootstrap", replicates});
      EXPECT_THAT(refusal(arguments), HasSubstr("--bootstrap")) << command[0] << " " << replicates;
    }
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--seed", "-1"});
    EXPECT_THAT(refusal(arguments), HasSubstr("--seed")) << command[0];
    arguments = command;
    arguments.insert(arguments.end(), {"--bootstrap", "0"});
    for (const json& row : results(arguments)) EXPECT_TRUE(row.at("low").is_null()) << row;
  }
}

TEST_F(MetricBadInput, KernelDistancesOfOverflowingFeaturesSaySo) {
  const std::string a = features("a.safetensors", 20, 3, 1), large = features("large.safetensors", 20, 3, 2, 1e30f);
  EXPECT_THAT(refusal({"generative", "--reference", a, "--generated", large, "--protocol", "kid-seed2020",
                       "--kid-subset-size", "10"}),
              HasSubstr("too large"));
}

TEST_F(MetricBadInput, AMissingIntervalSaysWhy) {
  const std::string reference = features("reference.safetensors", 50, 3, 1), few = features("few.safetensors", 7, 3, 2);
  for (const json& row : results({"generative", "--reference", reference, "--generated", few, "--protocol", "prdc5"}))
    EXPECT_EQ(row.at("low").is_null(), row.contains("note")) << row;
}

TEST_F(MetricBadInput, DoublesAreNotRoundedInAFrechetDistance) {
  // In float32 1e9 + 1 is 1e9. Both sets have the same variance and means 3 apart.
  const std::string a = doubles("a.safetensors", {1e9, 1e9 + 1, 1e9 + 2, 1e9 + 5});
  const std::string b = doubles("b.safetensors", {1e9 + 3, 1e9 + 4, 1e9 + 5, 1e9 + 8});
  const json row = results({"generative", "--reference", a, "--generated", b, "--protocol", "fid-tf1"}).at(0);
  EXPECT_NEAR(row.at("value").get<double>(), 9.0, 1e-9);
  EXPECT_EQ(row.at("computed_in"), "float64");
}

TEST_F(MetricBadInput, RoundedDoublesAreSaid) {
  const std::string a = doubles("a.safetensors", {1, 2, 3, 4, 5, 6, 7, 8});
  for (const json& row : results({"generative", "--reference", a, "--generated", a, "--protocol", "prdc5"}))
    EXPECT_EQ(row.at("rounded_to"), "float32");
}

TEST_F(MetricBadInput, ABoxGivenTwiceIsRefused) {
  const std::string truth = text("truth", R"({"a": [[0, 0, 1, 1]]})");
  EXPECT_THAT(
      refusal({"corloc", "--prediction", text("twice", R"({"a": [0, 0, 1, 1], "a": [5, 5, 6, 6]})"), "--truth", truth}),
      AllOf(HasSubstr("twice"), HasSubstr("'a'")));
  EXPECT_THAT(refusal({"corloc", "--prediction", text("broken", R"({"a": [NaN, 0, 1, 1]})"), "--truth", truth}),
              AllOf(HasSubstr("broken"), HasSubstr("not valid JSON at byte 8")));
}

TEST_F(MetricBadInput, ABinaryLabelFileIsRefusedInOneLineOfText) {
  const std::string labels = text("labels", "1\n2\n");
  const std::string line =
      refusal({"clustering", "--prediction", text("binary", "\177ELF\x03\x04\r\x01"), "--truth", labels});
  EXPECT_THAT(line, AllOf(HasSubstr("binary:1: '?ELF??"), HasSubstr("one integer a line")));
}

TEST_F(MetricBadInput, IntervalsOfClusterScoresStayInTheirRange) {
  // Five items: recentred replicates reach far beyond 1 and below 0.
  const std::string a = text("a", "1\n2\n3\n3\n1\n"), b = text("b", "1\n1\n3\n3\n1\n");
  for (const json& row : results({"clustering", "--prediction", a, "--truth", b})) {
    const std::string name = row.at("metric");
    EXPECT_LE(row.at("high").get<double>(), 1.0) << row;
    EXPECT_GE(row.at("low").get<double>(), name == "ami"   ? -std::numeric_limits<double>::infinity()
                                           : name == "ari" ? -0.5
                                                           : 0.0)
        << row;
  }
}

TEST_F(MetricBadInput, OptionsForImagesAreRefusedOfFeatures) {
  const std::string a = features("a.safetensors", 20, 3, 1);
  EXPECT_THAT(refusal({"features", "--input", a, "--out", path("out.safetensors"), "--protocol", "fid-clean"}),
              HasSubstr("--protocol is for images"));
  EXPECT_THAT(refusal({"features", "--input", a, "--out", path("out.safetensors"), "--labels", text("labels", "1\n")}),
              HasSubstr("--labels is for images"));
}

TEST_F(MetricBadInput, AFolderIsNoFileToWrite) {
  const std::string a = features("a.safetensors", 20, 3, 1);
  EXPECT_THAT(refusal({"features", "--input", a, "--out", folder.path().string()}), HasSubstr("is a folder"));
}

TEST_F(MetricBadInput, AShardWithoutStatisticsIsNamedOnce) {
  const std::string a = features("a.safetensors", 20, 3, 1), shard = path("shard.safetensors");
  ASSERT_EQ(metric({"features", "--input", a, "--out", shard}).exit_code, 0);
  EXPECT_THAT(refusal({"merge", shard, a, "--out", path("all.safetensors")}), Not(HasSubstr(a + ": " + a)));
}

TEST_F(MetricBadInput, SetsOfOtherWidthsAreNamed) {
  const std::string a = features("a.safetensors", 20, 3, 1), b = features("b.safetensors", 20, 4, 1);
  const auto both = AllOf(HasSubstr("a.safetensors holds 3"), HasSubstr("b.safetensors holds 4"));
  EXPECT_THAT(refusal({"generative", "--reference", a, "--generated", b, "--protocol", "fid-tf1"}), both);
  EXPECT_THAT(refusal({"explain", "--reference", a, "--generated", b}), both);
  EXPECT_THAT(refusal({"compare", "--reference", a, "--a", a, "--b", b, "--protocol", "fid-tf1"}), both);
}

}  // namespace
}  // namespace assay
