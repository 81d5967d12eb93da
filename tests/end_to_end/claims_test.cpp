#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "store/recorder.h"
#include "tests/end_to_end/program.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using nlohmann::json;
using test::Outcome;
using test::Words;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// A store of the runs of self_guided that a test makes up: without guidance fd-small is 50.
class Claims : public ::testing::Test {
 protected:
  Claims() { recorder.upsert_protocol({0, "fd-small", "", "", "", json::object()}); }

  /// A batch whose seeds have `differences` of an arm to no guidance.
  void batch(const std::string& tier, const std::vector<double>& differences, RunStatus status = RunStatus::done,
             const std::string& arm = "self_label_k20") {
    const RowId id = recorder.begin_batch({});
    for (std::size_t seed = 0; seed < differences.size(); ++seed) {
      RunRow row;
      row.batch = id;
      row.method = "self_guided";
      row.tier = tier;
      row.dataset = "emoji";
      row.seed = static_cast<std::int64_t>(seed);
      row.config = {{"clusters", {20}}, {"sample", {{"weight", 2.0}}}};
      const RowId run = recorder.begin_run(row);
      StageRecorder stage = recorder.begin_stage(run, "sample");
      ScoreRow score;
      score.name = score.protocol = "fd-small";
      score.better = Better::lower;
      score.n = 500;
      score.arm = "uncond_w0";
      score.params = {{"w", 0}, {"w_cfg", -1}};
      score.value = 50;
      stage.add_score(score);
      score.arm = arm;
      score.params = {{"w", 2.0}, {"w_cfg", 1.0}};
      score.value = 50 + differences[seed];
      stage.add_score(score);
      stage.commit();
      recorder.finish_run(run, status, status == RunStatus::done ? "" : "out of memory");
    }
  }

  Outcome command(const Words& arguments) const {
    Words words{"claims", "--store", (folder / "assay.db").string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return test::run_program(ASSAY_BINARY, words);
  }

  /// The claims by id.
  std::map<std::string, json> claims(Words arguments = {}) const {
    arguments.push_back("--json");
    const Outcome outcome = command(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 1);
    const json all = json::parse(outcome.out);
    EXPECT_EQ(all.size(), 1U);
    std::map<std::string, json> by_id;
    for (const json& claim : all.at("claims")) by_id[claim.at("id").get<std::string>()] = claim;
    return by_id;
  }

  test::TemporaryFolder folder;
  Store store = Store::open_or_create(folder / "assay.db");
  Recorder recorder{store};
};

TEST_F(Claims, AreJudgedFromTheRecordedScores) {
  batch("mini", {-5.0, -6.0, -7.0});  // -6 +- 2.48
  const auto all = claims();
  ASSERT_TRUE(all.contains("S-1.k20")) << "K comes from the recorded configuration";
  const json& claim = all.at("S-1.k20");
  std::set<std::string> keys;
  for (const auto& [key, value] : claim.items()) keys.insert(key);
  EXPECT_EQ(keys, (std::set<std::string>{"id", "method", "statement", "origin", "verdict", "statistic", "low", "high",
                                         "threshold", "seeds", "batch", "tier", "runs", "rule", "note", "values",
                                         "seeds_needed", "what_would_decide", "history"}));
  EXPECT_EQ(claim.at("method"), "self_guided");
  EXPECT_EQ(claim.at("verdict"), "supported");
  EXPECT_DOUBLE_EQ(claim.at("statistic").get<double>(), -6);
  EXPECT_NEAR(claim.at("low").get<double>(), -8.484, 1e-3);
  EXPECT_NEAR(claim.at("high").get<double>(), -3.516, 1e-3);
  EXPECT_EQ(claim.at("seeds"), json({0, 1, 2}));
  EXPECT_EQ(claim.at("threshold"), "the 95 % interval of fd-small of self_label_k20 - uncond_w0 lies below 0");
  EXPECT_THAT(claim.at("statement").get<std::string>(), HasSubstr("K = 20 at w = 2 "));
  EXPECT_EQ(all.at("S-2").at("verdict"), "not run");
  EXPECT_TRUE(all.at("S-2").at("statistic").is_null());
  for (const char* id : {"S-3", "S-5", "S-6.uniform", "S-7.recall", "S-8", "S-9"})
    EXPECT_EQ(all.at(id).at("verdict"), "not run") << id;
}

TEST_F(Claims, ComeFromTheNewestFinishedBatchOfTheHighestTier) {
  batch("mini", {-5.0, -6.0, -7.0});
  batch("mini", {5.0, 6.0, 7.0});
  batch("mini", {-5.0, -6.0, -7.0}, RunStatus::failed);
  batch("smoke", {-5.0, -6.0, -7.0});
  EXPECT_EQ(claims().at("S-1.k20").at("verdict"), "contradicted");
  EXPECT_EQ(claims({"--batch", "1"}).at("S-1.k20").at("verdict"), "supported");
  EXPECT_EQ(claims({"--tier", "smoke"}).at("S-1.k20").at("verdict"), "supported");
  EXPECT_FALSE(claims({"--tier", "smoke"}).contains("S-7.too_much")) << "a claim of the mini tier";
  EXPECT_THAT(command({}).out, HasSubstr("batch 2, mini tier on emoji, 3 finished runs"));
}

TEST_F(Claims, OfALowerTierAreKeptWhereTheHighestSaysNothingOfThem) {
  batch("mini", {-5.0, -6.0, -7.0});
  batch("long", {5.0, 6.0, 7.0}, RunStatus::done, "self_label_k100");
  EXPECT_EQ(claims().at("S-1.k20").at("verdict"), "supported");
  batch("long", {5.0, 6.0, 7.0});
  EXPECT_EQ(claims().at("S-1.k20").at("verdict"), "contradicted") << "of tier long, which is above mini";
}

TEST_F(Claims, AreNotRunInAStoreWithoutFinishedRuns) {
  for (const auto& [id, claim] : claims()) EXPECT_EQ(claim.at("verdict"), "not run") << id;
  EXPECT_TRUE(claims().contains("S-1.k100")) << "of the highest tier's preset";
}

TEST_F(Claims, ReadForPeopleWithTheDigitsOfTheirInterval) {
  batch("mini", {-5.0, -6.0, -7.0});
  const Outcome outcome = command({});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("-6.0 [-8.5, -3.5]"), HasSubstr("below 0"), HasSubstr("supported")));
}

TEST_F(Claims, OfUnknownMethodsTiersAndBatchesAreRefused) {
  for (const auto& [arguments, part] :
       std::vector<std::pair<Words, std::string>>{{{"--method", "self_guide"}, "did you mean 'self_guided'?"},
                                                  {{"--tier", "smoky"}, "did you mean 'smoke'?"},
                                                  {{"--batch", "77"}, "no batch 77"},
                                                  {{"--store", (folder / "none.db").string()}, ""}}) {
    const Outcome outcome = command(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.out;
    EXPECT_THAT(outcome.err, HasSubstr(part));
  }
  const Outcome missing =
      test::run_program(ASSAY_BINARY, {"claims", "--store", (folder / "none.db").string(), "--json"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_EQ(missing.out, "");
  EXPECT_THAT(missing.err, HasSubstr("no such store"));
}

TEST_F(Claims, SayTheSeedsThatWouldDecideOneAndWhatEarlierBatchesSaid) {
  // Mean -1, deviation 2 / sqrt(3): eight seeds bring the interval clear of 0 (tests/reports/claim_evidence_test.cpp).
  batch("mini", {-2, 0, -2, 0});
  ClaimRow recorded;
  recorded.batch = 1;
  recorded.method = "self_guided";
  recorded.name = "S-1.k20";
  recorded.verdict = Verdict::inconclusive;
  recorder.add_claims({recorded});
  const json claim = claims().at("S-1.k20");
  EXPECT_EQ(claim.at("verdict"), "inconclusive");
  EXPECT_EQ(claim.at("values"), json({-2.0, 0.0, -2.0, 0.0}));
  EXPECT_EQ(claim.at("seeds_needed"), 8);
  EXPECT_EQ(claim.at("tier"), "mini");
  EXPECT_EQ(claim.at("runs"), 4);
  ASSERT_EQ(claim.at("history").size(), 1U);
  EXPECT_EQ(claim.at("history")[0].at("verdict"), "inconclusive");
  EXPECT_EQ(claim.at("history")[0].at("runs"), 4);
  EXPECT_THAT(command({}).out, HasSubstr("What would decide it: about 8 seeds"));
}

TEST_F(Claims, SayWhyTheyWereNotRun) {
  batch("mini", {-2, -1}, RunStatus::failed);
  const json failed = claims().at("S-1.k100");
  EXPECT_EQ(failed.at("verdict"), "not run");
  EXPECT_THAT(failed.at("note"), HasSubstr("no finished run in tier long or mini or smoke; 2 runs did not finish, the "
                                           "last one (mini) failed: out of memory"));
  batch("mini", {-2, -1}, RunStatus::done, "another_arm");
  EXPECT_THAT(claims().at("S-1.k20").at("note"), HasSubstr("no finished run recorded fd-small of self_label_k20"));
}

}  // namespace
}  // namespace assay
