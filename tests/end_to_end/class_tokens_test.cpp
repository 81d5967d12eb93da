#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "core/safetensors.h"
#include "tests/end_to_end/program.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using nlohmann::json;
using test::Outcome;
using test::TemporaryFolder;
using test::Words;
using ::testing::HasSubstr;

Outcome run(const std::filesystem::path& store, const Words& more, const std::string& tier = "smoke") {
  Words words = {"run", "class_tokens", "--tier", tier, "--quiet", "--store", store.string(), "--threads", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return test::run_program(ASSAY_BINARY, words);
}

/// Two seeds serve the tests that read them.
struct Recorded {
  TemporaryFolder folder;
  json batch;
};
const Recorded& recorded() {
  static Recorded kept;
  if (kept.batch.is_null()) {
    const Outcome outcome = run(kept.folder / "assay.db", {"--seeds", "2", "--json"});
    kept.batch = outcome.exit_code == 0 ? json::parse(outcome.out) : json{{"failed", outcome.err}};
  }
  return kept;
}

TEST(ClassTokens, EveryClaimOfTheTierHasScores) {
  ASSERT_FALSE(recorded().batch.contains("failed")) << recorded().batch;
  std::set<std::string> judged;
  for (const json& claim : recorded().batch.at("runs").at(0).at("claims")) {
    // The ratio of gains is left out where the guide gained nothing.
    if (claim.at("id") != "T4") {
      EXPECT_NE(claim.at("verdict"), "not run") << claim;
    }
    judged.insert(claim.at("id").get<std::string>().substr(0, 2));
  }
  EXPECT_EQ(judged, (std::set<std::string>{"T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8"}));
}

TEST(ClassTokens, LeavesARowAndNoPipeline) {
  ASSERT_FALSE(recorded().batch.contains("failed")) << recorded().batch;
  std::size_t tokens = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(recorded().folder.path())) {
    if (!entry.path().filename().string().starts_with("token-")) continue;
    const SafetensorsFile file(entry.path());
    EXPECT_EQ(file.tensors().size(), 1U);
    EXPECT_EQ(file.at("row").shape, (std::vector<std::int64_t>{32}));
    EXPECT_EQ(file.metadata().at("token"), "newclas");
    EXPECT_EQ(file.metadata().at("mode"), "fixed");
    ++tokens;
  }
  EXPECT_GT(tokens, 0U);
}

TEST(ClassTokens, RunsWithEveryQuirkOfThePublishedCode) {
  const TemporaryFolder folder;
  const Outcome outcome = run(folder / "assay.db", {"--seeds", "1", "--set", "learn.mode=faithful"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST(ClassTokens, SaysInOneLineWhatItCannotLearn) {
  const TemporaryFolder folder;
  const auto fault = [&](const Words& more) {
    const Outcome outcome = run(folder / "assay.db", more);
    EXPECT_EQ(outcome.exit_code, 2);
    return outcome.err;
  };
  EXPECT_THAT(fault({"--set", "learn.mode=loose"}), HasSubstr("learn.mode"));
  EXPECT_THAT(fault({"--set", "templates=[\"a photo\"]"}), HasSubstr("no place for the token"));
  EXPECT_THAT(fault({"--set", "token.word=circle"}), HasSubstr("token 'circle' is in the vocabulary already"));
  EXPECT_THAT(fault({"--set", "augmentation.drawn=11"}), HasSubstr("augmentation.drawn"));
  EXPECT_THAT(fault({"--set", "draw.guidance=0"}), HasSubstr("draw.guidance"));
  EXPECT_THAT(fault({"--set", "text_model.unet.sample_size=8"}),
              HasSubstr("text_model.unet.sample_size: 8 x 8; accepted: dataset.size, 16"));
  EXPECT_THAT(fault({"--set", "token.word="}), HasSubstr("token.word: nothing but white space"));
}

TEST(ClassTokens, PlansThePublishedRowsWithoutTheirFiles) {
  const TemporaryFolder folder;
  const Outcome outcome = run(folder / "assay.db", {"--dry-run", "--json"}, "paper");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("stable-diffusion-v1-4"));
  EXPECT_THAT(outcome.out, HasSubstr("859520964"));  // parameters of the UNet, as the manifest counts them
  const auto fault = [&](const std::string& setting) {
    const Outcome refused = run(folder / "assay.db", {"--dry-run", "--set", setting}, "paper");
    EXPECT_EQ(refused.exit_code, 2);
    return refused.err;
  };
  EXPECT_THAT(fault("row=imagnet"), HasSubstr("did you mean 'imagenet'"));
  EXPECT_THAT(fault("templates=[\"A photo\"]"), HasSubstr("no place for the token"));
  EXPECT_THAT(fault("draw.guidance=0"), HasSubstr("draw.guidance"));
}

}  // namespace
}  // namespace assay
