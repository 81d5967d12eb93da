#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "core/file.h"
#include "tests/end_to_end/metric/metric_on_images.h"
#include "tests/end_to_end/program.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using test::metric;
using test::Outcome;
using test::TemporaryFolder;
using test::write_image;
using ::testing::AllOf;
using ::testing::HasSubstr;

using MetricPairing = test::MetricOnImages;

TEST_F(MetricPairing, ComparisonsOfFoldersAreThoseOfTheirFeatureFiles) {
  const TemporaryFolder out;
  const std::string batch = std::string(ASSAY_TEST_DATA) + "/features/batch.npz";
  const auto compare = [](const std::string& reference, const std::string& a, const std::string& b,
                          const std::string& protocols) {
    const Outcome outcome = metric({"compare", "--reference", reference, "--a", a, "--b", b, "--protocol", protocols,
                                    "--swaps", "20", "--bootstrap", "20", "--weights", weights(), "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out).at("results");
  };
  const auto images = compare(folder("reference"), folder("generated"), batch, "fid-tf1,fid-clean,sfid-oai");
  for (const char* protocol : {"fid-tf1", "fid-clean", "sfid-oai"}) {
    std::vector<std::string> files;
    for (const std::string& input : {folder("reference"), folder("generated"), batch}) {
      files.push_back((out / (std::to_string(files.size()) + ".safetensors")).string());
      const Outcome outcome =
          metric({"features", "--input", input, "--weights", weights(), "--protocol", protocol, "--out", files.back()});
      ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    }
    const auto given = compare(files[0], files[1], files[2], protocol);
    std::size_t found = 0;
    for (const auto& row : images) {
      if (row.at("protocol") != protocol || !row.contains("p_value")) continue;
      ++found;
      EXPECT_EQ(row.at("part"), "generated - batch");
      EXPECT_EQ(row.at("features"), "extracted");
      for (const char* key : {"value", "low", "high", "p_value", "a_hash", "b_hash"})
        EXPECT_EQ(row.at(key), given.at(0).at(key)) << protocol << " " << key;
    }
    EXPECT_EQ(found, 1U);
  }
}

TEST_F(MetricPairing, ImagesOfOtherNamesArePairedWithANote) {
  const TemporaryFolder other;
  write_image(other / "c.png", 20, 20);
  write_image(other / "d.png", 20, 21);
  const Outcome outcome =
      metric({"compare", "--reference", folder("reference"), "--a", folder("generated"), "--b", other.path().string(),
              "--protocol", "fid-tf1", "--swaps", "20", "--bootstrap", "0", "--weights", weights()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("paired by order"), HasSubstr("'a' of generated with 'c' of")));
}

/// A folder of images whose content is told by their numbers, under names that `name` makes of them.
template <class Name>
void numbered_images(const std::filesystem::path& folder, int first_width, const std::vector<int>& numbers,
                     const Name& name) {
  std::filesystem::create_directory(folder);
  for (const int i : numbers) write_image(folder / (name(i) + ".png"), first_width + i, 20);
}

TEST_F(MetricPairing, ImagesArePairedByTheNumbersInTheirNames) {
  const TemporaryFolder sets;
  std::vector<int> numbers(12);
  std::iota(numbers.begin(), numbers.end(), 0);
  const auto plain = [](int i) { return std::to_string(i); };
  const auto padded = [](int i) { return fmt::format("img-{:05}", i); };
  const auto shifted = [](int i) { return std::to_string((i + 5) % 12); };
  numbered_images(sets / "a", 30, numbers, plain);
  numbered_images(sets / "padded", 60, numbers, padded);
  numbered_images(sets / "plain", 60, numbers, plain);
  numbered_images(sets / "shifted", 60, numbers, shifted);
  const auto compare = [&](const std::string& b, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"compare",
                                          "--reference",
                                          folder("reference"),
                                          "--a",
                                          (sets / "a").string(),
                                          "--b",
                                          (sets / b).string(),
                                          "--protocol",
                                          "fid-tf1",
                                          "--swaps",
                                          "200",
                                          "--bootstrap",
                                          "50",
                                          "--weights",
                                          weights(),
                                          "--cache",
                                          (sets / "cache").string(),
                                          "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = metric(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto whole = nlohmann::json::parse(outcome.out);
    EXPECT_THAT(whole.at("notes").dump(),
                HasSubstr("paired by " + whole.at("results").at(0).at("paired_by").get<std::string>()));
    return whole.at("results").at(0);
  };
  const auto by_stem = compare("plain"), by_number = compare("padded"),
             by_order = compare("padded", {"--pair-by", "order"});
  EXPECT_EQ(by_stem.at("paired_by"), "stem");
  EXPECT_EQ(by_number.at("paired_by"), "number");
  EXPECT_EQ(by_order.at("paired_by"), "order");
  // The same images under other names: the same pairs give the same numbers, other pairs do not.
  for (const char* key : {"value", "p_value", "low", "high", "a", "b"}) {
    EXPECT_EQ(by_number.at(key), by_stem.at(key)) << key;
    EXPECT_EQ(by_order.at(key), by_stem.at(key)) << key;
  }
  const auto other = compare("shifted");
  EXPECT_EQ(other.at("paired_by"), "stem");
  EXPECT_NE(other.at("low"), by_stem.at("low"));
}

TEST_F(MetricPairing, FeatureFilesCarryTheNamesThatPairThem) {
  const TemporaryFolder sets;
  std::vector<int> numbers(12);
  std::iota(numbers.begin(), numbers.end(), 0);
  numbered_images(sets / "a", 30, numbers, [](int i) { return std::to_string(i); });
  numbered_images(sets / "b", 60, numbers, [](int i) { return fmt::format("img-{:05}", i); });
  const auto path = [&](const std::string& name) { return (sets / name).string(); };
  for (const char* set : {"a", "b"}) {
    const Outcome outcome = metric({"features", "--input", path(set), "--weights", weights(), "--cache", path("cache"),
                                    "--out", path(std::string(set) + ".safetensors")});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  const auto compare = [&](const std::string& a, const std::string& b) {
    const Outcome outcome =
        metric({"compare", "--reference", folder("reference"), "--a", path(a), "--b", path(b), "--protocol", "fid-tf1",
                "--swaps", "200", "--bootstrap", "50", "--weights", weights(), "--cache", path("cache"), "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out).at("results").at(0);
  };
  const auto folders = compare("a", "b");
  EXPECT_EQ(folders.at("paired_by"), "number");
  for (const auto& [a, b] : {std::pair{"a.safetensors", "b.safetensors"}, std::pair{"a", "b.safetensors"},
                             std::pair{"a.safetensors", "b"}}) {
    const auto files = compare(a, b);
    for (const char* key : {"paired_by", "value", "p_value", "low", "high"})
      EXPECT_EQ(files.at(key), folders.at(key)) << a << " " << b << " " << key;
  }
}

TEST_F(MetricPairing, ADamagedImageTakesItsPartnerByNumberWithIt) {
  const TemporaryFolder sets;
  const auto plain = [](int i) { return std::to_string(i); };
  const auto padded = [](int i) { return fmt::format("{:03}", i); };
  numbered_images(sets / "a", 30, {1, 2, 10, 11}, plain);
  numbered_images(sets / "b", 60, {1, 2, 10, 11}, padded);
  numbered_images(sets / "whole_a", 30, {1, 10, 11}, plain);
  numbered_images(sets / "whole_b", 60, {1, 10, 11}, padded);
  const std::string two = read_file(sets / "b/002.png");
  sets.file("b/002.png", two.substr(0, two.size() / 2));
  const auto compare = [&](const std::string& a, const std::string& b) {
    const Outcome outcome = metric({"compare", "--reference", folder("reference"), "--a", (sets / a).string(), "--b",
                                    (sets / b).string(), "--protocol", "fid-tf1", "--swaps", "50", "--bootstrap", "0",
                                    "--skip-damaged", "--weights", weights(), "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out).at("results").at(0);
  };
  const auto skipped = compare("a", "b"), whole = compare("whole_a", "whole_b");
  EXPECT_EQ(skipped.at("paired_by"), "number");
  EXPECT_EQ(skipped.at("n_generated"), 3);
  for (const char* key : {"value", "p_value", "a", "b"}) EXPECT_EQ(skipped.at(key), whole.at(key)) << key;
}

}  // namespace
}  // namespace assay
