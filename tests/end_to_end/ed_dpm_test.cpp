#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <vector>

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
using ::testing::StartsWith;

Words smoke_words(const std::filesystem::path& store, const Words& more = {}, int threads = 1) {
  Words words = {"run",     "ed_dpm",  "--tier",       "smoke",     "--json",
                 "--quiet", "--store", store.string(), "--threads", std::to_string(threads)};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Outcome smoke(const std::filesystem::path& store, const Words& more = {}, int threads = 1) {
  return test::run_program(ASSAY_BINARY, smoke_words(store, more, threads));
}

/// Scores of the first run by arm, name and parameters.
std::map<std::tuple<std::string, std::string, std::string>, double> scores_of(const json& batch) {
  std::map<std::tuple<std::string, std::string, std::string>, double> found;
  for (const json& score : batch.at("runs").at(0).at("scores"))
    found[{score.at("arm"), score.at("name"), score.at("params").dump()}] = score.at("value");
  return found;
}

/// One run serves the tests that read it.
struct Recorded {
  TemporaryFolder folder;
  Outcome outcome = smoke(folder / "assay.db");
  json batch = outcome.exit_code == 0 ? json::parse(outcome.out) : json{{"failed", outcome.err}};
};
const Recorded& recorded() {
  static const Recorded kept;
  return kept;
}
const json& smoke_batch() { return recorded().batch; }

/// How many files of the cache begin with `kind`, finished ones alone.
std::int64_t cached(const std::filesystem::path& folder, const std::string& kind) {
  std::error_code absent;
  std::int64_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "cache", absent)) {
    const std::string name = entry.path().filename().string();
    files += name.starts_with(kind) && name.ends_with(".safetensors");
  }
  return files;
}

TEST(EdDpm, SmokeRunHoldsTheMechanismsOfTheExactWorld) {
  ASSERT_FALSE(smoke_batch().contains("failed")) << smoke_batch();
  int judged = 0;
  for (const json& claim : smoke_batch().at("runs").at(0).at("claims")) {
    const auto id = claim.at("id").get<std::string>();
    const bool exact = id == "E-4" || id == "E-3.slope" || id == "E-3.slope_eds" || id.ends_with(".oracle");
    if (!exact) continue;
    EXPECT_EQ(claim.at("verdict"), "supported") << claim;
    ++judged;
  }
  EXPECT_EQ(judged, 8);
}

TEST(EdDpm, SmokeRunScoresEveryArmOnBothNetworks) {
  ASSERT_FALSE(smoke_batch().contains("failed")) << smoke_batch();
  const auto scores = scores_of(smoke_batch());
  const std::string reported = json{{"set", "report"}}.dump();
  for (const char* network : {"uncond", "cond"})
    for (const char* arm : {"unguided", "g", "g_eds", "g_ect", "g_eds_ect"}) {
      const std::string name = std::string(network) + "/" + arm;
      EXPECT_TRUE(scores.contains({name, "fd-small", reported})) << name;
      EXPECT_TRUE(scores.contains({name, "accuracy", reported})) << name;
      EXPECT_EQ(scores.contains({name, "best_gamma", "{}"}), std::string(arm) != "unguided") << name;
    }
}

TEST(EdDpm, EveryGuidedArmTakesTheBestGammaOfImagesThatAreNotReported) {
  ASSERT_FALSE(smoke_batch().contains("failed")) << smoke_batch();
  const auto scores = scores_of(smoke_batch());
  int arms = 0;
  for (const auto& [key, gamma] : scores) {
    const auto& [arm, name, params] = key;
    if (name != "best_gamma") continue;
    ++arms;
    std::map<double, double> tried;  // gammas by their distance
    for (const auto& [other, value] : scores) {
      const json which = json::parse(std::get<2>(other));
      if (std::get<0>(other) == arm && std::get<1>(other) == "fd-small" && which.value("set", "") == "selection")
        tried.emplace(value, which.at("gamma"));
    }
    ASSERT_EQ(tried.size(), 2u) << arm;
    EXPECT_EQ(gamma, tried.begin()->second) << arm;
    // As many of them as are reported, under the same gamma: the same images would have the same distance.
    EXPECT_NE(tried.begin()->first, scores.at({arm, "fd-small", json{{"set", "report"}}.dump()})) << arm;
  }
  EXPECT_EQ(arms, 8);
}

TEST(EdDpm, ReportSaysWhichBestGammasAreTheLargestOfTheirGrid) {
  const TemporaryFolder folder;
  const std::filesystem::path store = folder / "assay.db";
  const Outcome run = smoke(store, {"--set", "sample.gammas_unconditional=[500,1000]", "--set", "oracle=false"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Outcome outcome =
      test::run_program(ASSAY_BINARY, {"report", "--store", store.string(), "--out", (folder / "report").string()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::string report = read_file(folder / "report" / "report.md");
  const json batch = json::parse(run.out);
  int chosen = 0, said = 0;
  for (const auto& [key, gamma] : scores_of(batch)) {
    const auto& [arm, name, params] = key;
    if (name != "best_gamma") continue;
    ++chosen;
    const double largest = arm.starts_with("uncond/") ? 1000 : 2;
    const bool named = report.find("| " + arm + ": the best gamma, ") != std::string::npos;
    EXPECT_EQ(named, gamma == largest) << arm;
    said += named;
  }
  EXPECT_EQ(chosen, 8);
  EXPECT_GT(said, 0);
}

TEST(EdDpm, NetworksFromTheCacheAnotherBatchAndMoreThreadsGiveTheSameScores) {
  ASSERT_FALSE(smoke_batch().contains("failed")) << smoke_batch();
  const TemporaryFolder folder;
  std::filesystem::copy(recorded().folder / "cache", folder / "cache", std::filesystem::copy_options::recursive);
  const Outcome outcome = smoke(folder / "assay.db", {"--set", "sample.batch=20"}, 2);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto one = scores_of(smoke_batch()), other = scores_of(json::parse(outcome.out));
  EXPECT_GT(one.size(), 200U);
  EXPECT_EQ(other.size(), one.size());
  for (const auto& [key, value] : other)
    EXPECT_EQ(value, one.at(key)) << std::get<0>(key) << " " << std::get<1>(key) << " " << std::get<2>(key);
}

TEST(EdDpm, KilledAfterItsTrainingsItResumesToTheSameResult) {
  ASSERT_FALSE(smoke_batch().contains("failed")) << smoke_batch();
  const TemporaryFolder folder;
  const std::filesystem::path store = folder / "assay.db";
  struct Kill {
    const char* kind;  // when so many products of this kind are there
    std::int64_t files;
  };
  // One classifier is trained in this process and one comes from the cache, then both do, then a denoiser does too.
  Words words = smoke_words(store);
  for (const Kill& kill : {Kill{"noisy-classifier-", 1}, Kill{"noisy-classifier-", 2}, Kill{"denoiser-", 1}}) {
    test::Program program(ASSAY_BINARY, words);
    while (program.running() && cached(folder.path(), kill.kind) < kill.files)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    program.signal(SIGKILL);
    ASSERT_EQ(program.wait().exit_code, -SIGKILL);
    words = {"run", "--json", "--quiet", "--store", store.string(), "--resume", "1"};
  }
  const Outcome resumed = test::run_program(ASSAY_BINARY, words);
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  // Every number is printed with all its digits, so equal numbers are equal bits; artifacts come with their hashes.
  // Only the notes say which networks were there already.
  const json after = json::parse(resumed.out);
  for (const char* what : {"scores", "artifacts", "claims"})
    EXPECT_EQ(after.at("runs").at(0).at(what), smoke_batch().at("runs").at(0).at(what)) << what;
  EXPECT_EQ(after.at("comparisons"), smoke_batch().at("comparisons"));
}

TEST(EdDpm, BadSettingsAreOneLineAndNameWhatIsAccepted) {
  const TemporaryFolder folder;
  for (const auto& [setting, expected] : std::vector<std::pair<std::string, std::string>>{
           {"sample.gammas_unconditional=[1,\"nan\"]", "gammas_unconditional"},
           {"sample.gammas_unconditional=[0,1]", "unguided"},
           {"sample.respacing=ddim2000", "2000"},
           {"unet.out_channels=3", "out_channels"},
           {"entropy_constraint=0", "entropy_constraint"},
           {"classifier.out_channels=7", "classes"}}) {
    const Outcome outcome = smoke(folder / "assay.db", {"--set", setting});
    EXPECT_EQ(outcome.exit_code, 2) << setting;
    EXPECT_THAT(outcome.err, HasSubstr(expected)) << setting;
    EXPECT_THAT(outcome.err, StartsWith("assay: ")) << setting;
  }
}

}  // namespace
}  // namespace assay
