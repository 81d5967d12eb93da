#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tests/end_to_end/program.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using nlohmann::json;
using test::Outcome;
using test::TemporaryFolder;
using test::Words;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Key = std::tuple<std::string, std::string, std::string>;

Outcome smoke(const std::filesystem::path& store, const Words& more = {}, int threads = 1) {
  Words words = {"run",     "maskdm",  "--tier",       "smoke",     "--json",
                 "--quiet", "--store", store.string(), "--threads", std::to_string(threads)};
  words.insert(words.end(), more.begin(), more.end());
  return test::run_program(ASSAY_BINARY, words);
}

/// Scores of a run by arm, name and parameters.
std::map<Key, json> scores_of(const json& batch, std::size_t run = 0) {
  std::map<Key, json> found;
  for (const json& score : batch.at("runs").at(run).at("scores"))
    found[{score.at("arm"), score.at("name"), score.at("params").dump()}] = score;
  return found;
}

/// Two seeds serve the tests that read them.
struct Recorded {
  TemporaryFolder folder;
  json batch;
};
const Recorded& recorded() {
  static Recorded kept;
  if (kept.batch.is_null()) {
    const Outcome outcome = smoke(kept.folder / "assay.db", {"--seeds", "2"});
    kept.batch = outcome.exit_code == 0 ? json::parse(outcome.out) : json{{"failed", outcome.err}};
  }
  return kept;
}

TEST(MaskDm, EveryClaimIsJudgedAndNoneSilent) {
  ASSERT_FALSE(recorded().batch.contains("failed")) << recorded().batch;
  std::set<std::string> judged;
  for (const json& claim : recorded().batch.at("runs").at(0).at("claims")) {
    EXPECT_NE(claim.at("verdict"), "not run") << claim;
    judged.insert(claim.at("id").get<std::string>().substr(0, 2));
  }
  EXPECT_EQ(judged, (std::set<std::string>{"C1", "C2", "C3", "C4", "C5", "C6", "C7"}));
}

TEST(MaskDm, EveryChainEndsAtTheWholeBudget) {
  ASSERT_FALSE(recorded().batch.contains("failed")) << recorded().batch;
  const auto scores = scores_of(recorded().batch);
  const std::string end = json{{"gflop", 1.0}}.dump();
  for (const char* arm :
       {"scratch", "pretrain25", "pretrain50", "patch50", "crop50", "rate90", "rate50", "progressive"})
    EXPECT_TRUE(scores.contains({arm, "fd-small", end})) << arm;
  for (const char* arm : {"scratch", "pretrain25", "pretrain50"})
    for (const double gflop : {0.25, 0.5, 0.75})
      EXPECT_TRUE(scores.contains({arm, "fd-small", json{{"gflop", gflop}}.dump()})) << arm << " " << gflop;
  // The network before unmasking is the one that the curve shows at that share of the budget.
  const std::string half = json{{"gflop", 0.5}}.dump();
  EXPECT_EQ(scores.at({"pretrain50.masked", "fd-small", half}).at("value"),
            scores.at({"pretrain50", "fd-small", half}).at("value"));
}

TEST(MaskDm, NetworksFromTheCacheAnotherBatchAndMoreThreadsGiveTheSameScores) {
  ASSERT_FALSE(recorded().batch.contains("failed")) << recorded().batch;
  const Outcome outcome =
      smoke(recorded().folder / "assay.db", {"--seeds", "1", "--set", "sample.batch=24", "--set", "cost.rates=[]"}, 2);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto one = scores_of(recorded().batch), other = scores_of(json::parse(outcome.out));
  int compared = 0;
  for (const auto& [key, score] : other) {
    // The seconds of a training are those of the first run: nothing was trained again.
    EXPECT_EQ(score, one.at(key)) << std::get<0>(key) << " " << std::get<1>(key) << " " << std::get<2>(key);
    ++compared;
  }
  EXPECT_GE(compared, 40);
}

TEST(MaskDm, TheReportDrawsLearningCurves) {
  ASSERT_FALSE(recorded().batch.contains("failed")) << recorded().batch;
  const auto folder = recorded().folder / "report";
  const Outcome outcome = test::run_program(
      ASSAY_BINARY, {"report", "--store", (recorded().folder / "assay.db").string(), "--out", folder.string()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  int drawings = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().filename().string().starts_with("learning-")) ++drawings;
  EXPECT_GE(drawings, 2) << "against operations and against seconds";
}

TEST(MaskDm, BadSettingsAreOneLineAndNameWhatIsAccepted) {
  const TemporaryFolder folder;
  for (const auto& [setting, expected] : std::vector<std::pair<std::string, std::string>>{
           {"network.patch_size=5", "16 is not a multiple of patch_size 5"},
           {"chains.pretrain50.stages=[{\"mask\":{\"kind\":\"block\",\"block\":3,\"rate\":0.5}}]", "3 does not divide"},
           {"chains.scratch.stages=[{\"mask\":{\"kind\":\"patch\",\"rate\":1.0}}]", "leaves nothing"},
           {"sample.steps=2000", "sample.steps"},
           {"budget.gflop=-1", "budget.gflop"}}) {
    const Outcome outcome = smoke(folder / "assay.db", {"--set", setting});
    EXPECT_EQ(outcome.exit_code, 2) << setting;
    EXPECT_THAT(outcome.err, HasSubstr(expected)) << setting;
    EXPECT_THAT(outcome.err, StartsWith("assay: ")) << setting;
  }
}

TEST(MaskDm, ThePaperTierNamesEveryReleasedConfigurationAndWhatIsMissing) {
  const TemporaryFolder folder;
  const Outcome plan = test::run_program(ASSAY_BINARY, {"run", "maskdm", "--tier", "paper", "--dry-run", "--json"});
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  const json rows = json::parse(plan.out).at("plans").at(0).at("published").at("rows");
  EXPECT_EQ(rows.size(), 24U);
  for (const json& row : rows) {
    if (row.at("name") == "celebahq_base_90p") {
      // masking-segmentation-tokens.md 1.3: parameters, and 1482.6 GFLOP a pass over 4,096 patches.
      EXPECT_EQ(row.at("networks").at(0).at("parameters"), 102417456);
      EXPECT_NEAR(row.at("flops_per_image").get<double>() / 250, 1482.6e9, 10e9);
      EXPECT_EQ(row.at("settings").at("visible_patches"), 416);
      EXPECT_GT(row.at("training_flops").get<double>(), 0);
    }
    if (row.at("name") == "celebahq_dwt_70p") {
      // The official wavelet network's manifest; a grid of 32 x 32 has 64 blocks, 44 hidden, in each of two bands.
      EXPECT_EQ(row.at("networks").at(0).at("parameters"), 233399488);
      EXPECT_EQ(row.at("settings").at("visible_patches"), 2 * 20 * 16);
    }
    if (row.at("name") == "celebahq_base") {
      EXPECT_TRUE(row.at("settings").at("stage").at("steps").is_null());
    }
  }

  const Outcome run = test::run_program(ASSAY_BINARY, {"run", "maskdm", "--tier", "paper", "--set", "row=celebahq_base",
                                                       "--store", (folder / "assay.db").string()});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(folder / "assay.db"));
}

}  // namespace
}  // namespace assay
