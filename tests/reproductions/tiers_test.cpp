#include "reproductions/tiers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "core/error.h"
#include "reproductions/claims/claims.h"
#include "reproductions/method_entry.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

nlohmann::json long_of(const char* presets, const std::string& dataset = "") {
  return tier_preset(presets, "m", Tier::long_run, dataset);
}

TEST(TierPreset, ThatIsLikeAnotherHasItsSettingsUnderAPatch) {
  const char* const text = R"({
    "mini": {"steps": 5, "train": {"rate": 1, "batch": 2}, "sweep": [1, 2, 3], "interval": [0, 1]},
    "long": {"like": "mini", "steps": 50, "train": {"rate": 0.5}, "sweep": [1], "interval": null}})";
  EXPECT_EQ(long_of(text), nlohmann::json({{"steps", 50}, {"train", {{"rate", 0.5}, {"batch", 2}}}, {"sweep", {1}}}));
  EXPECT_EQ(tier_preset(text, "m", Tier::mini, "").at("steps"), 5) << "the other one is as it was";
}

TEST(TierPreset, IsLikeATierThatIsItselfLikeAnother) {
  EXPECT_EQ(long_of(R"({"smoke": {"a": 1, "b": 1, "c": 1}, "mini": {"like": "smoke", "b": 2, "c": 2},
                        "long": {"like": "mini", "c": 3}})"),
            nlohmann::json({{"a", 1}, {"b", 2}, {"c", 3}}));
}

TEST(TierPreset, TakesWhatTheOtherSaysOfADatasetToo) {
  const char* const text = R"({
    "mini": {"dataset": {"name": "emoji", "size": 8}, "steps": 5, "on": {"shapes": {"steps": 7, "rate": 1}}},
    "long": {"like": "mini", "steps": 50, "on": {"shapes": {"steps": 70}}}})";
  EXPECT_EQ(long_of(text), nlohmann::json({{"dataset", {{"name", "emoji"}, {"size", 8}}}, {"steps", 50}}));
  EXPECT_EQ(long_of(text, "shapes"),
            nlohmann::json({{"dataset", {{"name", "shapes"}, {"size", 8}}}, {"steps", 70}, {"rate", 1}}));
}

TEST(TierPreset, RefusesALikeThatLeadsNowhere) {
  const auto refused = [](const char* text) { return message_of<InputError>([&] { long_of(text); }); };
  EXPECT_THAT(refused(R"({"mini": {}, "long": {"like": "mino"}})"),
              AllOf(HasSubstr("m/presets.json: long.like: "), HasSubstr("did you mean 'mini'?")));
  EXPECT_THAT(refused(R"({"mini": {"like": "long"}, "long": {"like": "mini"}})"),
              HasSubstr("m/presets.json: like goes in a circle: long -> mini -> long"));
  EXPECT_THAT(refused(R"({"long": {"like": "long"}})"), HasSubstr("long -> long"));
  EXPECT_THAT(refused(R"({"long": {"like": 3}})"), HasSubstr("long.like is 3; accepted: the name of another tier"));
  EXPECT_THAT(refused(R"({"mini": {}})"), HasSubstr("m: unknown tier 'long'; known: mini"));
}

TEST(PresetLacks, NamesFilesAndRepositoriesInTheFolderOfFiles) {
  const nlohmann::json preset = {{"files", {{"folder", "/nowhere"}}},
                                 {"parts",
                                  {{"a", {{"file", "a.st"}, {"from", "of a"}}},
                                   {"b", {{"weights", "b"}, {"from", "of b"}}},
                                   {"c", {{"folder", "/data/none"}, {"from", "of c"}}}}}};
  EXPECT_THAT(preset_lacks(preset), ElementsAre("a: nothing at /nowhere/a.st; of a", "b: nothing at /nowhere/b; of b",
                                                "c: nothing at /data/none; of c"));
  const std::vector<std::string> lines = preset_lacks(method_preset("class_tokens", Tier::paper));
  EXPECT_THAT(lines, Contains(HasSubstr("/weights/vit-mae-cub; vesteinn/vit-mae-cub")));
}

TEST(LongTier, OfEveryMethodIsMiniWithLargerBudgets) {
  const auto value = [](const nlohmann::json& config, const char* pointer) {
    return config.at(nlohmann::json::json_pointer(pointer)).get<double>();
  };
  for (const auto& [method, budget] : {std::pair("self_guided", "/train/steps"),
                                       {"ed_dpm", "/train/steps"},
                                       {"ed_dpm", "/classifier_train/steps"},
                                       {"maskdm", "/budget/gflop"}}) {
    const nlohmann::json mini = method_preset(method, Tier::mini), longer = method_preset(method, Tier::long_run);
    EXPECT_GE(value(longer, budget), 10 * value(mini, budget)) << method;
    for (const auto& [key, setting] : mini.items()) EXPECT_TRUE(longer.contains(key)) << method << ": " << key;
    for (const char* same : {"dataset", "schedule", "unet", "network", "classifier", "clusters", "chains"})
      EXPECT_EQ(longer.value(same, nlohmann::json()), mini.value(same, nlohmann::json())) << method << ": " << same;
  }
}

TEST(LongTier, MakesEveryClaimOfMini) {
  for (const MethodEntry& method : method_table())
    for (const ClaimTemplate& claim : method.claims())
      EXPECT_EQ(claim.made_in(Tier::long_run), claim.made_in(Tier::mini)) << method.id << ": " << claim.id;
}

}  // namespace
}  // namespace assay
