#include "bench/parity/parity.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <stdexcept>
#include <vector>

#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "kernels/thread_count.h"
#include "tests/diffusion/golden.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::golden;
using test::message_of;
using test::shared_golden;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Writes `from` again with element `index` of tensor `name` changed by `by`.
void perturb(const std::filesystem::path& from, const std::filesystem::path& to, const std::string& name,
             std::size_t index, float by) {
  const SafetensorsFile file(from);
  SafetensorsWriter writer;
  for (const auto& [key, view] : file.tensors()) {
    if (key != name) {
      writer.add(key, view.type, view.shape, view.data);
      continue;
    }
    const auto numbers = view.f32(key);
    std::vector<float> changed(numbers.begin(), numbers.end());
    changed.at(index) += by;
    writer.add(key, view.shape, std::span<const float>(changed));
  }
  writer.write(to);
}

void expect_all_pass(const nlohmann::json& result, const std::string& pack, std::size_t at_least) {
  EXPECT_EQ(result.at("pack"), pack);
  EXPECT_TRUE(result.at("ok").get<bool>()) << result.dump(1);
  EXPECT_GE(result.at("cases").size(), at_least);
  for (const nlohmann::json& row : result.at("cases")) EXPECT_TRUE(row.at("ok").get<bool>()) << row.dump();
}

TEST(Parity, HoldsForTheTimestepEmbedding) {
  expect_all_pass(check_parity(golden("adm.timestep_embedding")), "adm.timestep_embedding", 3);
}

TEST(Parity, HoldsForTheOfficialUNets) {
  ASSAY_NEEDS_SHARED_GOLDEN("adm.unet");
  expect_all_pass(check_parity(shared_golden("adm.unet")), "adm.unet", 6);
  expect_all_pass(check_parity(shared_golden("adm.unet.plain")), "adm.unet.plain", 6);
  expect_all_pass(check_parity(shared_golden("sgdm.unet.cluster")), "sgdm.unet.cluster", 12);
}

TEST(Parity, HoldsForWhatTheClassifiersOfClassTokensAreGiven) {
  ASSAY_NEEDS_SHARED_GOLDEN("dct.preprocess");
  expect_all_pass(check_parity(shared_golden("dct.preprocess")), "dct.preprocess", 4);
}

TEST(Parity, HoldsForTheNetworksOfStableDiffusion) {
  expect_all_pass(check_parity(golden("sd.unet.levels")), "sd.unet.levels", 15);
  expect_all_pass(check_parity(golden("sd.unet.linear")), "sd.unet.linear", 15);
  expect_all_pass(check_parity(golden("sd.unet.lists")), "sd.unet.lists", 15);
  expect_all_pass(check_parity(golden("sd.vae.more")), "sd.vae.more", 14);
  ASSAY_NEEDS_SHARED_GOLDEN("sd.unet");
  expect_all_pass(check_parity(shared_golden("sd.unet")), "sd.unet", 12);
  expect_all_pass(check_parity(shared_golden("sd.unet.v2")), "sd.unet.v2", 12);
  expect_all_pass(check_parity(shared_golden("sd.vae")), "sd.vae", 14);
}

TEST(Parity, HoldsForTheSamplersOfDiffusers) {
  expect_all_pass(check_parity(golden("sched.more")), "sched.more", 600);
  ASSAY_NEEDS_SHARED_GOLDEN("sched");
  expect_all_pass(check_parity(shared_golden("sched")), "sched", 140);
}

TEST(Parity, HoldsForTheSamplingOfSelfGuidedDiffusion) {
  expect_all_pass(check_parity(golden("sgdm.sampler")), "sgdm.sampler", 40);
  expect_all_pass(check_parity(golden("sgdm.sampler.more")), "sgdm.sampler.more", 110);
}

TEST(Parity, HoldsForChainsGivenByTheFlagsOfTheOfficialScripts) {
  expect_all_pass(check_parity(golden("diffusion.gaussian.flags")), "diffusion.gaussian.flags", 40);
  expect_all_pass(check_parity(golden("eddpm.entropy.flags")), "eddpm.entropy.flags", 24);
}

/// A pack in a folder of its own, with another description.
nlohmann::json changed_pack(const std::filesystem::path& pack, const TemporaryFolder& folder,
                            const std::function<void(nlohmann::json&)>& change) {
  std::filesystem::copy(pack, folder.path(),
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  nlohmann::json description = parse_json(read_file(pack / "pack.json"), "pack.json");
  change(description);
  folder.file("pack.json", description.dump());
  return check_parity(folder.path());
}

TEST(Parity, SaysWhichOptionsOfTheSelfGuidedSamplerThereAre) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& key, const nlohmann::json& value, bool in_config = false) {
    return message_of<InputError>([&] {
      changed_pack(golden("sgdm.sampler.more"), folder, [&](nlohmann::json& description) {
        if (in_config) {
          description["config"][key] = value;
          return;
        }
        for (nlohmann::json& one : description["cases"])
          if (one["call"] == "ddim_sample") one["inputs"][key] = value;
      });
    });
  };
  EXPECT_THAT(refused("beta_schedule", "sqr", true),
              AllOf(HasSubstr("did you mean 'sqrt'?"), HasSubstr("linear, cosine, sqrt_linear, sqrt")));
  EXPECT_THAT(refused("beta_schedule", "quadratic"), HasSubstr("linear, cosine, sqrt_linear, sqrt"));
  EXPECT_THAT(refused("sampler", "pndm"), HasSubstr("'pndm' is not built; accepted: native, ddim, plms"));
  EXPECT_THAT(refused("ddim_discretize", "quod"), HasSubstr("quad"));
  EXPECT_THAT(refused("noise_dropout", 0.5), HasSubstr("accepted: 0"));
  EXPECT_THAT(refused("given_betas", {0.1, 0.2}, true), HasSubstr("given_betas has 2 values"));
  EXPECT_THAT(refused("v_posteriour", 0.0, true), HasSubstr("v_posterior"));
}

// The image-level network takes any weight of 0 or 1 as one branch, the network for boxes and masks only integers: with
// 1.0 and cfg it computes 2 eps_cond - eps_uncond. A tensor weighs each sample.
TEST(Parity, WeightsOfGuidanceShortenAsTheOfficialNetworksDo) {
  ASSAY_NEEDS_SHARED_GOLDEN("sgdm.unet_ca.attr");
  for (const bool image_level : {true, false}) {
    const auto pack = shared_golden(image_level ? "sgdm.unet.cluster" : "sgdm.unet_ca.attr");
    const SafetensorsFile official(pack / "cases.safetensors");
    const nlohmann::json description = parse_json(read_file(pack / "pack.json"), "pack.json");
    const auto output = [&](const std::string& name) {
      for (const nlohmann::json& one : description["cases"])
        if (one["name"] == name) return one;
      throw std::runtime_error(name);
    };
    const nlohmann::json told = output("guided_cfg_1"), free = output("guided_cfg_0");
    const TensorView& cond = official.at(told["outputs"]["eps"]);
    const auto c = cond.f32("eps"), u = official.at(free["outputs"]["eps"]).f32("eps");
    ASSERT_EQ(told["inputs"]["x"], free["inputs"]["x"]);
    std::vector<float> mixed(c.size()), each(c.size());
    const std::int64_t batch = cond.shape[0];
    const auto row = static_cast<std::int64_t>(c.size()) / batch;
    std::vector<float> weights;
    for (std::int64_t i = 0; i < batch; ++i) weights.push_back(0.5f * static_cast<float>(i));
    for (std::size_t i = 0; i < c.size(); ++i) {
      const float w = weights[i / static_cast<std::size_t>(row)];
      mixed[i] = image_level ? c[i] : 2 * c[i] - u[i];
      each[i] = (1 + w) * c[i] - w * u[i];
    }
    const TemporaryFolder folder;
    SafetensorsWriter writer;
    for (const auto& [key, view] : official.tensors()) writer.add(key, view.type, view.shape, view.data);
    writer.add("mixed", cond.shape, std::span<const float>(mixed));
    writer.add("each", cond.shape, std::span<const float>(each));
    writer.add("weights", {batch}, std::span<const float>(weights));
    nlohmann::json changed = description;
    changed["cases"] = {told, told};
    changed["cases"][0]["inputs"]["cond_scale"] = 1.0;
    changed["cases"][0]["outputs"]["eps"] = "mixed";
    changed["cases"][1]["inputs"]["cond_scale"] = "weights";
    changed["cases"][1]["outputs"]["eps"] = "each";
    folder.file("pack.json", changed.dump());
    std::filesystem::copy(pack / description["state"].get<std::string>(), folder.path());
    writer.write(folder / "cases.safetensors");
    const nlohmann::json result = check_parity(folder.path());
    EXPECT_TRUE(result.at("ok").get<bool>()) << result.dump(1);
  }
}

TEST(Parity, HoldsForTheDinoVisionTransformer) {
  ASSAY_NEEDS_SHARED_GOLDEN("dino.vit");
  expect_all_pass(check_parity(shared_golden("dino.vit")), "dino.vit", 40);
}

TEST(Parity, HoldsForTheNormalisedCutOfTokenCut) {
  ASSAY_NEEDS_SHARED_GOLDEN("tokencut.ncut");
  expect_all_pass(check_parity(shared_golden("tokencut.ncut")), "tokencut.ncut", 45);
}

TEST(Parity, HoldsForTheDiffusionProcessOfGuidedDiffusion) {
  ASSAY_NEEDS_SHARED_GOLDEN("diffusion.gaussian");
  expect_all_pass(check_parity(shared_golden("diffusion.gaussian")), "diffusion.gaussian", 110);
}

TEST(Parity, HoldsForEntropyDrivenGuidance) {
  ASSAY_NEEDS_SHARED_GOLDEN("eddpm.entropy");
  expect_all_pass(check_parity(shared_golden("eddpm.entropy")), "eddpm.entropy", 21);
}

TEST(Parity, FailsWithOnePerturbedWeight) {
  ASSAY_NEEDS_SHARED_GOLDEN("adm.unet.plain");
  const TemporaryFolder folder;
  for (const char* file : {"pack.json", "cases.safetensors"})
    std::filesystem::copy_file(shared_golden("adm.unet.plain") / file, folder / file);
  perturb(shared_golden("adm.unet.plain") / "state.safetensors", folder / "state.safetensors",
          "middle_block.1.qkv.weight", 40, 0.5f);
  const nlohmann::json result = check_parity(folder.path());
  EXPECT_FALSE(result.at("ok").get<bool>());
  EXPECT_THAT(result.at("cases"), Contains(::testing::Truly([](const nlohmann::json& row) {
                return !row.at("ok").get<bool>() && row.at("max_abs").get<double>() > 1e-4;
              })));
}

/// The timestep embedding's pack in a folder of its own, to be spoilt.
class SpoiltPack : public ::testing::Test {
 protected:
  SpoiltPack() {
    for (const char* file : {"pack.json", "cases.safetensors"})
      std::filesystem::copy_file(golden("adm.timestep_embedding") / file, folder / file);
    description = parse_json(read_file(folder / "pack.json"), "pack.json");
  }
  void rewrite() { folder.file("pack.json", description.dump()); }
  std::string refused() {
    rewrite();
    return message_of<InputError>([&] { check_parity(folder.path()); });
  }

  TemporaryFolder folder;
  nlohmann::json description;
};

TEST_F(SpoiltPack, FailsWhereOneExpectedValueIsOff) {
  const std::filesystem::path cases = golden("adm.timestep_embedding") / "cases.safetensors";
  perturb(cases, folder / "cases.safetensors", "float/out.embedding", 5, 0.25f);
  const nlohmann::json result = check_parity(folder.path());
  EXPECT_FALSE(result.at("ok").get<bool>());
  for (const nlohmann::json& row : result.at("cases")) {
    EXPECT_EQ(row.at("ok").get<bool>(), row.at("name") != "float");
    if (row.at("name") != "float") continue;
    EXPECT_NEAR(row.at("max_abs").get<double>(), 0.25, 2e-3);
  }
}

TEST_F(SpoiltPack, FailsWhereAFiniteValueMeetsAnInfinityOrNaN) {
  const std::filesystem::path cases = golden("adm.timestep_embedding") / "cases.safetensors";
  for (const float off : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    perturb(cases, folder / "cases.safetensors", "int/out.embedding", 0, off);
    EXPECT_FALSE(check_parity(folder.path()).at("ok").get<bool>()) << off;
  }
}

TEST_F(SpoiltPack, AppliesTheCasesOwnTolerance) {
  const std::filesystem::path cases = golden("adm.timestep_embedding") / "cases.safetensors";
  perturb(cases, folder / "cases.safetensors", "int/out.embedding", 0, 0.25f);
  for (nlohmann::json& c : description.at("cases")) c["atol"] = 0.3;
  rewrite();
  EXPECT_TRUE(check_parity(folder.path()).at("ok").get<bool>());
}

TEST_F(SpoiltPack, FailsOnAnotherShapeAndOnAnOutputThatIsNotComputed) {
  description["cases"][0]["inputs"]["dim"] = 16;
  description["cases"][1]["outputs"]["norm"] = "float/out.embedding";
  rewrite();
  const nlohmann::json result = check_parity(folder.path());
  EXPECT_FALSE(result.at("ok").get<bool>());
  ASSERT_THAT(result.at("cases"), SizeIs(4));
  EXPECT_FALSE(result.at("cases")[0].at("ok").get<bool>());
  EXPECT_THAT(result.at("cases")[2].at("fault").get<std::string>(), HasSubstr("not computed"));
}

TEST_F(SpoiltPack, NamesWhatIsWrongWithTheDescription) {
  const nlohmann::json whole = description;
  description["module"] = "adm.unit";
  EXPECT_THAT(refused(), AllOf(HasSubstr("adm.unit"), HasSubstr("did you mean 'adm.unet'?")));
  for (const char* key : {"module", "cases", "tensors"}) {
    description = whole;
    description.erase(key);
    EXPECT_THAT(refused(), AllOf(HasSubstr("pack.json"), HasSubstr("lacks"))) << key;
  }
  description = whole;
  description["cases"] = nlohmann::json::array();
  EXPECT_THAT(refused(), HasSubstr("no cases"));
  description = whole;
  description["cases"][0].erase("name");
  EXPECT_THAT(refused(), HasSubstr("name"));
  description = whole;
  description["cases"][0]["inputs"].erase("dim");
  EXPECT_THAT(refused(), HasSubstr("no input 'dim'"));
  description = whole;
  description["cases"][0]["inputs"]["timesteps"] = "int/in.timestep";
  EXPECT_THAT(refused(), HasSubstr("int/in.timesteps"));
  description = whole;
  description["tensors"] = "absent.safetensors";
  EXPECT_THAT(refused(), HasSubstr("absent.safetensors"));
  description = whole;
  description["module"] = "adm.unet";
  description["config"] = nlohmann::json::object();
  EXPECT_THAT(refused(), HasSubstr("no state file"));
}

TEST_F(SpoiltPack, IsRefusedWhenItsFilesAreBroken) {
  const std::string tensors = read_file(folder / "cases.safetensors");
  folder.file("cases.safetensors", tensors.substr(0, tensors.size() - 4));
  EXPECT_THAT(message_of<InputError>([&] { check_parity(folder.path()); }), HasSubstr("cases.safetensors"));
  folder.file("pack.json", R"({"module": )");
  EXPECT_THAT(message_of<InputError>([&] { check_parity(folder.path()); }), HasSubstr("not valid JSON"));
  folder.file("pack.json", "[]");
  EXPECT_THROW(check_parity(folder.path()), InputError);
  std::filesystem::remove(folder / "pack.json");
  EXPECT_THAT(message_of<InputError>([&] { check_parity(folder.path()); }), HasSubstr("no pack.json"));
}

TEST_F(SpoiltPack, IsRefusedWhenItsWeightsDoNotFitItsConfiguration) {
  description["module"] = "adm.unet";
  description["state"] = "cases.safetensors";
  description["config"] = {{"image_size", 8}, {"channel_mult", {1}}};
  EXPECT_THAT(refused(), AllOf(HasSubstr("missing time_embed.0.weight"), HasSubstr("does not fit this network")));
  description["config"] = {{"image_sise", 8}};
  EXPECT_THAT(refused(), HasSubstr("image_size"));
}

TEST_F(SpoiltPack, LeavesTheThreadCountAsItWas) {
  const ThreadCount threads(2);
  check_parity(folder.path());
  EXPECT_EQ(at::get_num_threads(), 2);
  description["cases"][0]["inputs"].erase("dim");
  refused();
  EXPECT_EQ(at::get_num_threads(), 2);
}

TEST(FindPacks, TakesAPackOrAFolderOfPacksAndSaysWhatItPassesOver) {
  std::vector<std::string> skipped;
  EXPECT_THAT(find_packs(golden("adm.timestep_embedding"), skipped), ElementsAre(golden("adm.timestep_embedding")));
  EXPECT_THAT(skipped, IsEmpty());
  EXPECT_THAT(
      find_packs(golden(""), skipped),
      ElementsAre(golden("adm.timestep_embedding"), golden("diffusion.gaussian.flags"), golden("eddpm.entropy.flags"),
                  golden("sched.more"), golden("sd.unet.levels"), golden("sd.unet.linear"), golden("sd.unet.lists"),
                  golden("sd.vae.more"), golden("sgdm.sampler"), golden("sgdm.sampler.more")));
  EXPECT_THAT(skipped, IsEmpty());
  const TemporaryFolder mixed;
  for (const auto& [pack, module] : {std::pair("a", "adm.timestep_embedding"), {"b", "from.another.version"}}) {
    std::filesystem::create_directory(mixed / pack);
    mixed.file(std::string(pack) + "/pack.json",
               nlohmann::json{{"module", module}, {"cases", nlohmann::json::array()}, {"tensors", "t"}}.dump());
  }
  EXPECT_THAT(find_packs(mixed.path(), skipped), ElementsAre(mixed / "a"));
  EXPECT_THAT(skipped, ElementsAre("b (module from.another.version)"));
  const TemporaryFolder empty;
  EXPECT_THAT(message_of<InputError>([&] { find_packs(empty.path(), skipped); }), HasSubstr("no parity pack here"));
}

}  // namespace
}  // namespace assay
