#include "bench/harness/parity.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
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

TEST(Parity, HoldsForTheSamplersOfDiffusers) {
  expect_all_pass(check_parity(golden("sched.more")), "sched.more", 600);
  ASSAY_NEEDS_SHARED_GOLDEN("sched");
  expect_all_pass(check_parity(shared_golden("sched")), "sched", 140);
}

TEST(Parity, HoldsForTheSamplingOfSelfGuidedDiffusion) {
  expect_all_pass(check_parity(golden("sgdm.sampler")), "sgdm.sampler", 40);
}

TEST(Parity, HoldsForTheDinoVisionTransformer) {
  ASSAY_NEEDS_SHARED_GOLDEN("dino.vit");
  expect_all_pass(check_parity(shared_golden("dino.vit")), "dino.vit", 40);
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
  EXPECT_THAT(find_packs(golden(""), skipped),
              ElementsAre(golden("adm.timestep_embedding"), golden("sched.more"), golden("sgdm.sampler")));
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
