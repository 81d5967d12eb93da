#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
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
using ::testing::AllOf;
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

TEST(ClassTokens, ShowsEachWordBeforeAndAfter) {
  ASSERT_FALSE(recorded().batch.contains("failed")) << recorded().batch;
  std::set<std::string> shown;
  for (const json& artifact : recorded().batch.at("runs").at(0).at("artifacts"))
    if (const auto name = artifact.at("name").get<std::string>(); name.ends_with(": plain, token")) {
      EXPECT_EQ(artifact.at("kind"), "image-grid");
      EXPECT_THAT(name, HasSubstr(" -> "));
      shown.insert(name);
    }
  EXPECT_EQ(shown.size(), 2U) << "one of each pair";
}

TEST(ClassTokens, ItsTextModelIsDrawnWithByName) {
  ASSERT_FALSE(recorded().batch.contains("failed")) << recorded().batch;
  const std::filesystem::path folder = recorded().folder.path();
  std::filesystem::path token;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().filename().string().starts_with("token-token-")) token = entry.path();
  const auto draw = [&](const std::string& model, const std::filesystem::path& store) {
    return test::run_program(ASSAY_BINARY, {"draw", "--model", model, "--store", store.string(), "--prompt",
                                            "a photo of newclas circle", "--token", token.string(), "--steps", "2",
                                            "--count", "1", "--out", (folder / "x.png").string()});
  };
  const Outcome drawn = draw("class_tokens:smoke", folder / "assay.db");
  EXPECT_EQ(drawn.exit_code, 0) << drawn.err;
  const auto fault = [&](const std::string& model) {
    const Outcome refused = draw(model, folder / "elsewhere" / "assay.db");
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1) << refused.err;
    return refused.err;
  };
  EXPECT_THAT(fault("class_tokens:smoke"),
              AllOf(HasSubstr("not trained yet"), HasSubstr("`assay run class_tokens --tier smoke --store ")));
  EXPECT_THAT(fault("clas_tokens:mini"), HasSubstr("did you mean 'class_tokens'"));
  EXPECT_THAT(fault("ed_dpm:mini"), AllOf(HasSubstr("trains no text model"), HasSubstr("class_tokens:mini")));
  EXPECT_THAT(fault("class_tokens:paper"), HasSubstr("trains no text model"));
  EXPECT_THAT(fault("class_tokens"), HasSubstr("METHOD:TIER"));
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
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    return outcome.err;
  };
  EXPECT_THAT(fault({"--set", "learn.mode=loose"}), HasSubstr("learn.mode"));
  EXPECT_THAT(fault({"--set", "templates=[\"a photo\"]"}), HasSubstr("no place for the words"));
  EXPECT_THAT(fault({"--set", "token.word=circle"}), HasSubstr("token 'circle' is in the vocabulary already"));
  EXPECT_THAT(fault({"--set", "augmentation.drawn=11"}), HasSubstr("augmentation.drawn"));
  EXPECT_THAT(fault({"--set", "draw.guidance=0"}), HasSubstr("draw.guidance"));
  EXPECT_THAT(fault({"--set", "text_model.unet.sample_size=8"}),
              HasSubstr("text_model.unet.sample_size: 8 x 8; accepted: dataset.size, 16"));
  EXPECT_THAT(fault({"--set", "token.word=new clas"}), HasSubstr("token.word: 'new clas'; accepted: one word"));
  EXPECT_THAT(fault({"--set", "words.least=1000"}), HasSubstr("words: no word of the captions is ambiguous"));
  EXPECT_THAT(fault({"--set", "augmentation.real=[9999]"}), HasSubstr("augmentation.real: 9999"));
  if (std::filesystem::exists(folder / "cache"))
    for (const auto& entry : std::filesystem::directory_iterator(folder / "cache"))
      ADD_FAILURE() << entry.path() << " was made before the refusal";
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
  EXPECT_THAT(fault("templates=[\"A photo\"]"), HasSubstr("no place for the words"));
  EXPECT_THAT(fault("draw.guidance=0"), HasSubstr("draw.guidance"));
}

}  // namespace
}  // namespace assay
