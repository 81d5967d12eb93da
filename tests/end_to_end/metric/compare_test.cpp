#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "tests/end_to_end/program.h"
#include "tests/support/repeatable_numbers.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using nlohmann::json;
using test::Outcome;
using test::repeatable_numbers;
using test::TemporaryFolder;
using ::testing::HasSubstr;

constexpr std::int64_t width = 6, classes = 10;

Outcome metric(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "metric");
  return test::run_program(ASSAY_BINARY, arguments);
}

/// The whole object; its notes are the lines on stderr.
json found(std::vector<std::string> arguments) {
  arguments.push_back("--json");
  const Outcome outcome = metric(std::move(arguments));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  json whole = json::parse(outcome.out);
  std::string lines;
  for (const json& note : whole.at("notes")) lines += "assay: " + note.get<std::string>() + "\n";
  EXPECT_EQ(lines, outcome.err);
  return whole;
}

json results(std::vector<std::string> arguments) { return found(std::move(arguments)).at("results"); }

/// A feature file with logits and labels; `labels` classes, the first ones with more samples.
std::string feature_file(const TemporaryFolder& folder, const std::string& name, std::int64_t n, std::uint64_t seed,
                         double shift, bool with_labels = false) {
  SafetensorsWriter writer;
  const auto features = repeatable_numbers(n * width, seed, shift);
  writer.add("features", {n, width}, std::span<const float>(features));
  auto logits = repeatable_numbers(n * classes, seed + 1000);
  for (float& value : logits) value *= 5.0f;
  writer.add("logits", {n, classes}, std::span<const float>(logits));
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < n; ++i) labels.push_back(i % 40 == 0 ? 9 : i % 8 == 1 ? 5 : 0);
  if (with_labels) writer.add("labels", {n}, std::span<const std::int64_t>(labels));
  const auto file = folder / (name + ".safetensors");
  writer.write(file);
  return file.string();
}

const json& row_of(const json& rows, const std::string& name, const std::string& part = "") {
  static const json none;
  for (const json& row : rows)
    if (row.at("metric") == name && row.value("part", "") == part) return row;
  ADD_FAILURE() << "no row " << name << " " << part;
  return none;
}

class MetricFiles : public ::testing::Test {
 protected:
  TemporaryFolder folder;
  std::string reference = feature_file(folder, "reference", 320, 1, 0.0, true);
  std::string near = feature_file(folder, "near", 300, 2, 0.0, true);
  std::string twin = feature_file(folder, "twin", 300, 3, 0.0);
  std::string far = feature_file(folder, "far", 300, 4, 0.4);

  std::vector<std::string> compare(const std::string& b, const std::string& protocols) const {
    return {"compare", "--reference", reference,           "--a", near, "--b", b, "--protocol", protocols,
            "--swaps", "400",         "--kid-subset-size", "100"};
  }
};

TEST_F(MetricFiles, ScoresCarryProtocolCountsAndIntervals) {
  const json rows = results({"generative", "--reference", reference, "--generated", near, "--protocol",
                             "kid-seed2020,prdc5,pr-tf,pr-oai,is-tf10,is-oai5000", "--kid-subset-size", "100"});
  EXPECT_EQ(rows.size(), 2u + 4u + 2u + 2u + 2u + 1u);
  for (const json& row : rows) {
    EXPECT_EQ(row.at("n_generated"), 300);
    EXPECT_TRUE(row.at("value").is_number()) << row.dump();
    if (row.at("metric") == "kid_std" || row.at("metric") == "is_std") continue;
    EXPECT_LE(row.at("low").get<double>(), row.at("value").get<double>()) << row.dump();
    EXPECT_GE(row.at("high").get<double>(), row.at("value").get<double>()) << row.dump();
  }
  EXPECT_EQ(row_of(rows, "kid_mean").at("subset_size"), 100);
}

TEST_F(MetricFiles, TooFewSamplesForKidNameTheChoice) {
  const Outcome outcome =
      metric({"generative", "--reference", reference, "--generated", near, "--protocol", "kid-seed2020"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--kid-subset-size"));
  EXPECT_EQ(outcome.out, "");
}

TEST_F(MetricFiles, EveryClassAndTheTailAreScoredWithMatchedSizes) {
  const json rows =
      results({"generative", "--reference", reference, "--generated", near, "--protocol", "prdc5,kid-seed2020,fid-tf1",
               "--per-class", "--tail", "thirds", "--bootstrap", "20", "--kid-subset-size", "100"});
  for (const char* part : {"class 0", "class 5", "class 9", "head", "medium", "tail"}) {
    const json& row = row_of(rows, "precision", part);
    EXPECT_EQ(row.at("n_reference"), row.at("n_generated"));
    EXPECT_EQ(row.at("value").is_null(), row.at("n_generated") < 6) << row.dump();
  }
  EXPECT_EQ(row_of(rows, "precision", "class 9").at("n_generated"), 8);
  EXPECT_EQ(row_of(rows, "kid_mean", "tail").at("subset_size"), 8);
  EXPECT_GE(row_of(rows, "fid", "class 9").at("value"), 0.0);
  EXPECT_EQ(row_of(rows, "fid", "class 9").at("class"), 9);
}

TEST_F(MetricFiles, LabelsWithoutNamesAreJoinedAsNumbersAndAClassOfOneSideIsSaid) {
  SafetensorsWriter writer;
  const auto values = repeatable_numbers(30 * width, 8);
  std::vector<std::int64_t> labels(30, 5);
  labels[3] = labels[4] = 7;
  writer.add("features", {30, width}, std::span<const float>(values));
  writer.add("labels", {30}, std::span<const std::int64_t>(labels));
  writer.write(folder / "five.safetensors");
  const std::string five = (folder / "five.safetensors").string();
  const json whole = found({"generative", "--reference", reference, "--generated", five, "--protocol", "fid-tf1",
                            "--per-class", "--tail", "thirds", "--bootstrap", "0"});
  // Reference labels: 8 of class 9, 40 of class 5, 272 of class 0.
  EXPECT_EQ(whole.at("class_join"),
            json({{"by", "number"}, {"reference_alone", {{"0", 272}, {"9", 8}}}, {"generated_alone", {{"7", 2}}}}));
  const std::string notes = whole.at("notes").dump();
  EXPECT_THAT(notes, HasSubstr("neither " + reference + " nor " + five + " has class names"));
  EXPECT_THAT(notes, HasSubstr("2 classes (280 images) are in " + reference + " alone: 0 (272), 9 (8)"));
  EXPECT_THAT(notes, HasSubstr("class 7 (2 images) is in " + five + " alone"));
  const json& rows = whole.at("results");
  EXPECT_TRUE(row_of(rows, "fid", "class 5").at("value").is_number());
  for (const char* part : {"class 0", "class 7", "class 9"}) {
    const json& row = row_of(rows, "fid", part);
    EXPECT_TRUE(row.at("value").is_null()) << row;
    EXPECT_EQ(row.at("n_reference"), 0);
  }
  EXPECT_THAT(row_of(rows, "fid", "class 7").at("note").get<std::string>(),
              HasSubstr("no image in " + reference + ", 2 in " + five));
}

TEST_F(MetricFiles, RowsOfFilesArePairedAsTheyStandAndSaySo) {
  const json whole = found(compare(twin + "," + far, "prdc5"));
  EXPECT_EQ(row_of(whole.at("results"), "recall", "twin - far").at("paired_by"), "order");
  EXPECT_THAT(whole.at("notes").dump(), HasSubstr("rows of near and twin are paired by order"));
  std::vector<std::string> by_stem = compare(twin, "prdc5"), unknown = by_stem;
  by_stem.insert(by_stem.end(), {"--pair-by", "stem"});
  unknown.insert(unknown.end(), {"--pair-by", "names"});
  const Outcome refused = metric(by_stem);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("the rows of near have no names"));
  EXPECT_THAT(metric(unknown).err, HasSubstr("stem, number, order"));
}

TEST_F(MetricFiles, ClassesTooSmallSayWhy) {
  const std::string few = feature_file(folder, "few", 45, 9, 0.0, true);
  const json rows = results({"generative", "--reference", reference, "--generated", few, "--protocol", "prdc5",
                             "--per-class", "--bootstrap", "0"});
  const json& row = row_of(rows, "precision", "class 9");
  EXPECT_TRUE(row.at("value").is_null());
  EXPECT_THAT(row.at("note").get<std::string>(), HasSubstr("at least 6 rows"));
}

TEST_F(MetricFiles, ClassesNeedLabels) {
  const Outcome outcome =
      metric({"generative", "--reference", reference, "--generated", twin, "--protocol", "prdc5", "--per-class"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("twin.safetensors: holds no labels"));
}

TEST_F(MetricFiles, AnUnknownTailRuleIsRefusedByName) {
  const Outcome outcome = metric(
      {"generative", "--reference", reference, "--generated", near, "--protocol", "prdc5", "--tail", "quarters"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("thirds"));
}

TEST_F(MetricFiles, ASetDoesNotDifferFromItself) {
  const std::string copy = feature_file(folder, "copy", 300, 2, 0.0, true);
  const json rows = results(compare(copy, "kid-seed2020,prdc5,is-tf10,fid-tf1,fid-infinity,sfid-oai,fd-small"));
  for (const char* name :
       {"kid_mean", "precision", "recall", "density", "coverage", "is_mean", "fid", "fid_infinity", "sfid", "fd"}) {
    const json& row = row_of(rows, name, "near - copy");
    EXPECT_NEAR(row.at("value"), 0.0, 1e-12) << name;
    EXPECT_EQ(row.at("p_value"), 1.0) << name;
    EXPECT_EQ(row_of(rows, name, "copy").at("tie_group"), "a");
    EXPECT_EQ(row_of(rows, name, "near").at("tie_group"), "a");
  }
}

TEST_F(MetricFiles, AShiftIsFoundAndEqualDistributionsAreNot) {
  json rows = results(compare(twin + "," + far, "kid-seed2020,prdc5,fid-tf1"));
  // On its own: Holm's method over all of them would need more swaps.
  for (const json& row : results(compare(twin + "," + far, "fid-infinity"))) rows.push_back(row);
  for (const char* name : {"kid_mean", "precision", "recall", "density", "coverage", "fid", "fid_infinity"}) {
    const json& shifted = row_of(rows, name, "near - far");
    EXPECT_EQ(shifted.at("p_value"), 1.0 / 401.0) << name;
    EXPECT_TRUE(shifted.at("low") > 0.0 || shifted.at("high") < 0.0) << shifted.dump();
    EXPECT_GE(shifted.at("p_adjusted"), shifted.at("p_value"));
    const json& same = row_of(rows, name, "near - twin");
    EXPECT_GT(same.at("p_value"), 0.01) << name;
    EXPECT_EQ(row_of(rows, name, "far").at("tie_group"), "b") << name;
    EXPECT_EQ(row_of(rows, name, "near").at("tie_group"), "a") << name;
    EXPECT_EQ(row_of(rows, name, "twin").at("tie_group"), "a") << name;
  }
}

TEST_F(MetricFiles, TheDifferenceIsThatOfTheSingleScores) {
  const char* protocols = "kid-seed2020,prdc5,is-oai5000,fid-infinity,sfid-oai,fd-dinov2";
  const json rows = results(compare(far, protocols));
  for (const auto& [file, name] : {std::pair(near, "near"), std::pair(far, "far")}) {
    const json single = results({"generative", "--reference", reference, "--generated", file, "--protocol", protocols,
                                 "--kid-subset-size", "100", "--bootstrap", "0"});
    for (const char* score : {"kid_mean", "recall", "coverage", "is_mean", "fid_infinity", "sfid", "fd"})
      EXPECT_NEAR(row_of(rows, score, name).at("value").get<double>(), row_of(single, score).at("value").get<double>(),
                  1e-9);
  }
}

TEST_F(MetricFiles, SetsOfOtherSizesAreRefused) {
  const std::string other = feature_file(folder, "other", 299, 5, 0.0);
  const Outcome outcome = metric(compare(other, "prdc5"));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("299"));
}

TEST_F(MetricFiles, StatisticsHaveNoSamplesToPair) {
  const std::string statistics = (folder / "statistics.safetensors").string();
  ASSERT_EQ(metric({"features", "--input", far, "--out", statistics}).exit_code, 0);
  const Outcome outcome = metric(compare(statistics, "fid-tf1"));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("statistics.safetensors: holds statistics, which have no samples to pair"));
}

TEST_F(MetricFiles, AReferenceOfComparisonsMayBeStatistics) {
  const std::string statistics = (folder / "statistics.safetensors").string();
  ASSERT_EQ(metric({"features", "--input", reference, "--out", statistics}).exit_code, 0);
  std::vector<std::string> arguments = compare(far, "fid-tf1");
  const json features = results(arguments);
  arguments[2] = statistics;
  EXPECT_NEAR(results(arguments).at(0).at("value").get<double>(), features.at(0).at("value").get<double>(), 1e-9);
}

TEST_F(MetricFiles, APathGivenTwiceIsNumbered) {
  const json rows = results(compare(near, "fid-tf1"));
  EXPECT_EQ(rows.at(0).at("part"), "near - near (2)");
  EXPECT_EQ(rows.at(0).at("value"), 0.0);
}

// KID alone takes subsets of 1,000, which these sets cannot give: what is wrong with the second protocol comes first.
TEST_F(MetricFiles, WhatALaterProtocolLacksIsSaidBeforeAnythingIsComputed) {
  const std::string statistics = (folder / "statistics.safetensors").string();
  ASSERT_EQ(metric({"features", "--input", near, "--out", statistics}).exit_code, 0);
  const Outcome outcome =
      metric({"generative", "--reference", statistics, "--generated", near, "--protocol", "fid-infinity,kid-seed2020"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("kid-seed2020 needs `features`"));
  SafetensorsWriter writer;
  const auto values = repeatable_numbers(20 * 4, 1);
  writer.add("features", {20, 4}, std::span<const float>(values));
  writer.write(folder / "plain.safetensors");
  const std::string plain = (folder / "plain.safetensors").string();
  const Outcome logits =
      metric({"generative", "--reference", plain, "--generated", plain, "--protocol", "kid-seed2020,is-tf10"});
  EXPECT_EQ(logits.exit_code, 2);
  EXPECT_THAT(logits.err, HasSubstr("logits"));
}

TEST_F(MetricFiles, ManyDifferencesTakeMoreSwapsByThemselves) {
  std::vector<std::string> arguments = compare(far, "prdc5");
  const auto swaps = std::find(arguments.begin(), arguments.end(), std::string("--swaps"));
  arguments.erase(swaps, swaps + 2);
  arguments.insert(arguments.end(), {"--alpha", "0.002"});
  const Outcome outcome = metric(arguments);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err.find("--swaps"), std::string::npos) << outcome.err;
  const json rows = results(arguments);
  EXPECT_THAT(row_of(rows, "precision", "near - far").at("test").get<std::string>(), HasSubstr(", 4000"));
}

TEST_F(MetricFiles, TooFewSwapsForSoManyDifferencesAreSaid) {
  std::vector<std::string> arguments = compare(far, "prdc5");
  std::replace(arguments.begin(), arguments.end(), std::string("400"), std::string("50"));
  const Outcome few = metric(arguments);
  EXPECT_EQ(few.exit_code, 0);
  EXPECT_THAT(few.err, HasSubstr("4 differences need --swaps of at least 80"));
  EXPECT_EQ(metric(compare(far, "prdc5")).err.find("--swaps"), std::string::npos);
}

TEST_F(MetricFiles, UnknownProtocolsOfComparisonsNameTheNearest) {
  const Outcome outcome = metric(compare(far, "prdc"));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("did you mean 'prdc5'"));
}

}  // namespace
}  // namespace assay
