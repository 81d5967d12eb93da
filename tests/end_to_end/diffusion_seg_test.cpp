#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "core/file.h"
#include "tests/end_to_end/program.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using nlohmann::json;
using test::Outcome;
using test::TemporaryFolder;
using test::Words;
using ::testing::HasSubstr;

Outcome run(const std::filesystem::path& store, const Words& more) {
  Words words = {"run", "diffusion_seg", "--tier", "smoke", "--quiet", "--store", store.string(), "--threads", "1"};
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

TEST(DiffusionSeg, EveryClaimOfTheTierHasScores) {
  ASSERT_FALSE(recorded().batch.contains("failed")) << recorded().batch;
  std::set<std::string> judged;
  for (const json& claim : recorded().batch.at("runs").at(0).at("claims")) {
    EXPECT_NE(claim.at("verdict"), "not run") << claim;
    judged.insert(claim.at("id").get<std::string>().substr(0, 2));
  }
  EXPECT_EQ(judged, (std::set<std::string>{"S0", "S1", "S2", "S3", "S4", "S5", "S6", "S7"}));
}

TEST(DiffusionSeg, LeavesADataSetOfPairsThatSaysWhatMadeIt) {
  ASSERT_FALSE(recorded().batch.contains("failed")) << recorded().batch;
  std::size_t sets = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(recorded().folder.path())) {
    if (entry.path().filename() != "index.json") continue;
    const std::filesystem::path folder = entry.path().parent_path();
    EXPECT_THAT(read_file(folder / "set.json"), HasSubstr("diffusion_seg pairs"));
    for (const char* masks : {"cut", "exact"})
      EXPECT_TRUE(std::filesystem::exists(folder / "masks" / masks / "000023.png")) << masks;
    EXPECT_THAT(read_file(folder / "pairs" / "000000.json"), HasSubstr("a photo of a "));
    ++sets;
  }
  EXPECT_EQ(sets, 2U) << "one a seed";
}

TEST(DiffusionSeg, SaysInOneLineWhatItCannotDo) {
  const TemporaryFolder folder;
  const auto fault = [&](const Words& more) {
    const Outcome outcome = run(folder / "assay.db", more);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    return outcome.err;
  };
  EXPECT_THAT(fault({"--set", "draw.guidance=0"}), HasSubstr("draw.guidance: 0 draws the empty prompt"));
  EXPECT_THAT(fault({"--set", "draw.template=a photo"}), HasSubstr("'a photo'"));
  EXPECT_THAT(fault({"--set", "synthesis_arm=otsu"}), HasSubstr("synthesis_arm: otsu; accepted: cut_8, cut"));
  EXPECT_THAT(fault({"--set", "attention.self_side=5"}), HasSubstr("5"));
  EXPECT_THAT(fault({"--set", "inversion.blocks=[\"up_blocks.7\"]"}), HasSubstr("up_blocks.7"));
  EXPECT_THAT(fault({"--set", "inversion.prediction=4"}), HasSubstr("inversion.prediction"));
  EXPECT_THAT(fault({"--set", "decoder.pairs=25"}), HasSubstr("decoder.pairs: 25; accepted: at most pairs"));
  EXPECT_THAT(fault({"--set", "cut.energy.area_least=0.9", "--set", "cut.energy.area_most=1"}),
              HasSubstr("none of 20 drawn images shows an object"));
  EXPECT_THAT(fault({"--dataset", "emoji", "--set", "evaluated_images=5"}), HasSubstr("`shapes` alone"));
}

}  // namespace
}  // namespace assay
