#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "datasets/dataset.h"
#include "reproductions/configured_method.h"
#include "reproductions/self_guided/config.h"
#include "reproductions/tiers.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/throws.h"

namespace assay::self_guided {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST(MethodTable, EveryPresetPassesItsOwnCheck) {
  for (const MethodEntry& method : method_table())
    for (const Tier tier : method.tiers) {
      const ConfiguredMethod made = configured(method, tier, method.preset(tier));
      EXPECT_THAT(made.method->describe(), ::testing::Not(IsEmpty())) << method.id << ", " << name_of(tier);
      EXPECT_NO_THROW(made.method->plan()) << method.id << ", " << name_of(tier);
    }
}

TEST(MethodTable, EveryPresetPassesOnEveryDataset) {
  for (const MethodEntry& method : method_table())
    for (const Tier tier : method.tiers)
      for (const DatasetEntry& dataset : dataset_table()) {
        const nlohmann::json preset = method.preset(tier, dataset.name);
        EXPECT_NO_THROW(configured(method, tier, preset)) << method.id << ", " << name_of(tier) << ", " << dataset.name;
        if (preset.contains("dataset")) {
          EXPECT_EQ(preset.at("dataset").at("name"), dataset.name);
        }
      }
}

/// As the list of `assay doctor` for a machine that has none of the files, and for one that has them all.
TEST(PresetLacks, NamesEachFileAndFolderThatIsNotThere) {
  const test::TemporaryFolder folder;
  const nlohmann::json preset = {
      {"files", {{"folder", (folder.path() / "weights").string()}, {"inception", "i.st"}}},
      {"networks", {{"n", {{"file", "n.st"}, {"from", "train it"}}}, {"sizes", {{"width", 3}}}}},
      {"models", {{"m", {{"weights", "m"}, {"from", "the hub"}}}}},
      {"data", {{"d", {{"folder", (folder.path() / "data").string()}, {"from", "people"}}}}},
      {"row", ""}};
  EXPECT_THAT(preset_lacks(preset),
              UnorderedElementsAre(AllOf(HasSubstr("n: "), HasSubstr("weights/n.st"), HasSubstr("train it")),
                                   AllOf(HasSubstr("m: "), HasSubstr("weights/m"), HasSubstr("the hub")),
                                   AllOf(HasSubstr("d: "), HasSubstr("/data"), HasSubstr("people")),
                                   AllOf(HasSubstr("Inception"), HasSubstr("weights/i.st"))));
  std::filesystem::create_directories(folder.path() / "weights");
  std::filesystem::create_directories(folder.path() / "data");
  for (const char* name : {"n.st", "m", "i.st"}) write_file_atomically(folder.path() / "weights" / name, "");
  EXPECT_THAT(preset_lacks(preset), IsEmpty());
}

/// `assay doctor` reads the preset, and a run asks the method: both say of this machine whether a tier is ready.
TEST(PresetLacks, SaysReadyWhereTheMethodDoes) {
  for (const MethodEntry& method : method_table())
    for (const Tier tier : method.tiers)
      EXPECT_EQ(method.lacks(tier).empty(), configured(method, tier, method.preset(tier)).method->needs().empty())
          << method.id << ", " << name_of(tier);
}

TEST(TierPreset, OfAnotherDatasetKeepsTheSizeAndTakesWhatIsSaidOfThatSet) {
  const char* const text =
      R"({"mini": {"dataset": {"name": "emoji", "size": 24, "seed": 3}, "label": "group", "steps": 5,
                               "on": {"shapes": {"dataset": {"group": "colour"}, "steps": 7}}}})";
  const auto on = [&](const char* dataset) { return tier_preset(text, "m", Tier::mini, dataset); };
  const nlohmann::json own = {
      {"dataset", {{"name", "emoji"}, {"size", 24}, {"seed", 3}}}, {"label", "group"}, {"steps", 5}};
  EXPECT_EQ(on(""), own);
  EXPECT_EQ(on("emoji"), own);
  EXPECT_EQ(on("shapes"), nlohmann::json({{"dataset", {{"name", "shapes"}, {"size", 24}, {"group", "colour"}}},
                                          {"label", "group"},
                                          {"steps", 7}}));
  EXPECT_EQ(on("another"),
            nlohmann::json({{"dataset", {{"name", "another"}, {"size", 24}}}, {"label", "group"}, {"steps", 5}}));
}

TEST(MethodTable, NamesTheNearestMethodAndTier) {
  EXPECT_THAT(message_of<InputError>([] { method_entry("self_guide"); }), HasSubstr("did you mean 'self_guided'?"));
  EXPECT_THAT(message_of<InputError>([] { method_entry("self_guided").tier("smok"); }),
              HasSubstr("did you mean 'smoke'?"));
}

/// What the check says of the smoke preset with one value changed.
std::string refused(const std::string& pointer, const nlohmann::json& value) {
  nlohmann::json config = method_preset("self_guided", Tier::smoke);
  config[nlohmann::json::json_pointer(pointer)] = value;
  return message_of<InputError>([&] { self_guided::read_config(config); });
}

TEST(SelfGuidedConfig, NamesTheNearestKeyInEveryPart) {
  EXPECT_THAT(refused("/cluster", 3), HasSubstr("did you mean 'clusters'?"));
  EXPECT_THAT(refused("/unet/chanel_mult", 3), AllOf(HasSubstr("unet"), HasSubstr("did you mean 'channel_mult'?")));
  EXPECT_THAT(refused("/train/step", 3), AllOf(HasSubstr("train"), HasSubstr("did you mean 'steps'?")));
  EXPECT_THAT(refused("/sample/sweeps", 3), AllOf(HasSubstr("sample"), HasSubstr("did you mean 'sweep'?")));
  EXPECT_THAT(refused("/kmeans/iteration", 3), AllOf(HasSubstr("kmeans"), HasSubstr("did you mean 'iterations'?")));
  EXPECT_THAT(refused("/encoder/temprature", 3), AllOf(HasSubstr("encoder"), HasSubstr("did you mean 'temperature'?")));
  EXPECT_THAT(refused("/fd_small/feature", 3), AllOf(HasSubstr("fd_small"), HasSubstr("did you mean 'features'?")));
  EXPECT_THAT(refused("/schedule/nam", "linear"), AllOf(HasSubstr("schedule"), HasSubstr("did you mean 'name'?")));
}

TEST(SelfGuidedConfig, RefusesWhatCannotBeRun) {
  EXPECT_THAT(refused("/clusters", {4, 8, 4}), HasSubstr("clusters: 4 is given twice"));
  EXPECT_THAT(refused("/clusters", nlohmann::json::array()), HasSubstr("clusters"));
  EXPECT_THAT(refused("/clusters", {0}), HasSubstr("clusters"));
  EXPECT_THAT(refused("/unet/image_size", 32),
              AllOf(HasSubstr("unet.image_size is 32"), HasSubstr("dataset.size is 16")));
  EXPECT_THAT(refused("/unet/cond_dim", 4), HasSubstr("follow from the conditions"));
  EXPECT_THAT(refused("/unet/out_channels", 6), HasSubstr("must be 3"));
  EXPECT_THAT(refused("/sample/steps", 1001), HasSubstr("1 to 1000"));
  EXPECT_THAT(refused("/sample/eta", 2), HasSubstr("sample.eta"));
  EXPECT_THAT(refused("/schedule/name", "sqrt-linea"), HasSubstr("did you mean 'sqrt-linear'?"));
  EXPECT_THAT(refused("/label", "groups"), HasSubstr("did you mean 'group'?"));
  EXPECT_THAT(refused("/networks", "seperate"), HasSubstr("did you mean 'separate'?"));
  EXPECT_THAT(refused("/train", 5), HasSubstr("expected an object"));
  EXPECT_THAT(refused("/sample/weight", 0), HasSubstr("uncond_w0"));
  EXPECT_THAT(refused("/sample/interval", {5, 1}), HasSubstr("guidance interval [5, 1]; accepted: two noise levels"));
  EXPECT_THAT(refused("/sample/sampler", "plm"), HasSubstr("did you mean 'plms'?"));
  EXPECT_THAT(refused("/sample/steps", 1000), AllOf(HasSubstr("sample: "), HasSubstr("step 1000")));
  EXPECT_THAT(refused("/sample/sampler", "euler-maruyama"), HasSubstr("accepted: linear of 1000"));
  EXPECT_THAT(refused("/parts", {"guidance", "layout"}), HasSubstr("did you mean 'layouts'?"));
  EXPECT_THAT(refused("/parts", nlohmann::json::array()), HasSubstr("parts: expected a list of at least one"));
  EXPECT_THAT(refused("/encoders", {"pca", "pca"}), HasSubstr("pca is given twice"));
  EXPECT_THAT(refused("/imbalances", {10}), HasSubstr("two or more"));
  EXPECT_THAT(refused("/imbalances", {10, 10}), HasSubstr("10 is given twice"));
  EXPECT_THAT(refused("/imbalances", {0.5, 10}), HasSubstr("imbalances"));
  EXPECT_THAT(refused("/layouts/unet/image_size", 32), HasSubstr("layouts.unet.image_size is 32"));
  EXPECT_THAT(refused("/layouts/unet/layout_dim", 3), HasSubstr("layout_dim"));
  EXPECT_THAT(refused("/layouts/candidate_share", 0), HasSubstr("candidate_share"));
  EXPECT_THAT(refused("/layouts/mask_cluster", 3), HasSubstr("did you mean 'mask_clusters'?"));
}

TEST(SelfGuidedConfig, SweepHoldsTheHeadlineWeightAndTheUnguidedOne) {
  nlohmann::json config = method_preset("self_guided", Tier::smoke);
  config["sample"]["sweep"] = {3, 1};
  config["sample"]["weight"] = 1.5;
  EXPECT_THAT(self_guided::read_config(config).sample.sweep, ElementsAre(0, 1, 1.5, 3));
}

}  // namespace
}  // namespace assay::self_guided
