#include "bench/study/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "core/error.h"

namespace assay {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

StudyRequest request_of(const std::string& tier, std::vector<std::int64_t> seeds = {0}) {
  StudyRequest request;
  request.tier = tier;
  request.seeds = std::move(seeds);
  return request;
}

using Key = std::tuple<std::string, std::string, std::string, std::int64_t>;
std::multiset<Key> keys_of(const std::vector<StudyCell>& cells) {
  std::multiset<Key> keys;
  for (const StudyCell& cell : cells) keys.insert({cell.dataset, cell.imbalance, cell.arm, cell.seed});
  return keys;
}

std::string refusal(const StudyRequest& request) {
  try {
    plan_study(request);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(StudyPlan, HoldsEveryArmOfEveryBlockAndSeedOnce) {
  StudyRequest request = request_of("mini", {0, 7});
  request.datasets = {"clipart", "shapes"};
  const StudyPlan plan = plan_study(request);
  std::multiset<Key> expected;
  for (const auto& [dataset, imbalance] : std::vector<std::pair<std::string, std::string>>{
           {"shapes", "1"}, {"shapes", "10"}, {"shapes", "100"}, {"clipart", "natural"}})
    for (const char* arm : {"none", "label", "self_label_k20", "self_label_k100", "self_box", "self_mask", "classifier",
                            "classifier_eds", "classifier_eds_ect"})
      for (const std::int64_t seed : {0, 7}) expected.insert({dataset, imbalance, arm, seed});
  EXPECT_EQ(keys_of(study_cells(plan)), expected);
}

TEST(StudyPlan, SaysWhatItLeavesOutAndWhy) {
  StudyRequest request = request_of("smoke");
  request.datasets = {"shapes", "emoji"};
  const StudyPlan plan = plan_study(request);
  std::set<std::pair<std::string, std::string>> left;
  for (const StudyOmission& omission : plan.left_out) {
    left.insert({omission.dataset, omission.imbalance});
    EXPECT_NE(omission.reason, "");
  }
  EXPECT_EQ(left, (std::set<std::pair<std::string, std::string>>{
                      {"shapes", "10"}, {"shapes", "natural"}, {"emoji", "1"}, {"emoji", "10"}, {"emoji", "100"}}));
  request.imbalances = {"10"};
  EXPECT_THAT(study_cells(plan_study(request)), SizeIs(9)) << "asked for, it is there: shapes at 10";
}

TEST(StudyPlan, ShardsShareNothingAndAreTheStudyTogether) {
  const StudyPlan plan = plan_study(request_of("long", {0, 1, 2, 3, 4}));
  const std::multiset<Key> whole = keys_of(study_cells(plan));
  EXPECT_EQ(std::set<Key>(whole.begin(), whole.end()).size(), whole.size());
  for (std::int64_t count = 1; count <= 30; ++count) {
    std::multiset<Key> together;
    for (std::int64_t index = 1; index <= count; ++index) together.merge(keys_of(study_cells(plan, {index, count})));
    EXPECT_EQ(together, whole) << count << " shards";
  }
}

TEST(StudyPlan, AddsTheArmThatAllAreHeldAgainst) {
  StudyRequest request = request_of("smoke");
  request.arms = {"classifier_eds", "label"};
  EXPECT_THAT(plan_study(request).blocks.front().arms, ElementsAre("none", "label", "classifier_eds"));
  request.arms = {"label", "none", "classifier_eds"};
  const StudyPlan other = plan_study(request);
  request.arms = {"classifier_eds", "label"};
  EXPECT_EQ(plan_study(request).blocks.front().config, other.blocks.front().config);
}

TEST(StudyPlan, ProbesTheLongestTailOfEachDataSetWithoutGuidance) {
  StudyRequest request = request_of("mini", {3, 4});
  const StudyPlan plan = plan_study(request);
  std::vector<std::string> probed;
  for (const std::size_t block : longest_tails(plan)) {
    probed.push_back(plan.blocks[block].dataset + " " + plan.blocks[block].imbalance);
    nlohmann::json config = probe_config(plan, block);
    EXPECT_EQ(config.at("arms"), nlohmann::json({"none"}));
    config["arms"] = plan.blocks[block].config.at("arms");
    EXPECT_EQ(config, plan.blocks[block].config) << "nothing else differs: the networks are the same";
  }
  EXPECT_THAT(probed, ElementsAre("shapes 100", "emoji natural"));
}

TEST(StudyPlan, PutsTheImbalanceIntoTheDataSet) {
  const StudyPlan plan = plan_study(request_of("mini"));
  std::vector<std::string> found;
  for (const StudyBlock& block : plan.blocks) found.push_back(block.config.at("dataset").at("imbalance"));
  EXPECT_THAT(found, ElementsAre("exp:1", "exp:10", "exp:100", "natural"));
}

TEST(StudyPlan, RefusesWhatItDoesNotKnowInOneLine) {
  StudyRequest request = request_of("smoke");
  request.arms = {"self_labels"};
  EXPECT_THAT(refusal(request), AllOf(HasSubstr("self_labels"), HasSubstr("self_label")));
  request.arms = {"self_label_k5"};
  EXPECT_THAT(refusal(request), HasSubstr("self_label_k4")) << "K of the tier are 4 and 8";
  request = request_of("smoke");
  request.imbalances = {"50"};
  EXPECT_THAT(refusal(request), AllOf(HasSubstr("50"), HasSubstr("1, 10, 100, natural")));
  request = request_of("smoke");
  request.datasets = {"shape"};
  EXPECT_THAT(refusal(request), HasSubstr("shapes"));
  request.datasets = {"shapes"};
  request.imbalances = {"natural"};
  EXPECT_THAT(refusal(request), HasSubstr("no natural tail"));
  request = request_of("paper");
  EXPECT_THAT(refusal(request), AllOf(HasSubstr("paper"), HasSubstr("smoke, mini, long")));
  EXPECT_THAT(refusal(request_of("smoke", {})), HasSubstr("--seeds"));
  request = request_of("smoke");
  request.study = "guidance";
  EXPECT_THAT(refusal(request), HasSubstr("guidance-imbalance"));
}

TEST(StudyShard, IsReadAsIOfN) {
  EXPECT_EQ(parse_study_shard("2/3").index, 2);
  EXPECT_EQ(parse_study_shard("2/3").count, 3);
  for (const char* bad : {"0/3", "4/3", "1", "1/", "/3", "1/0", "-1/3", "1/3/5", "a/b", "1/3 ", ""})
    EXPECT_THROW(parse_study_shard(bad), InputError) << bad;
}

}  // namespace
}  // namespace assay
