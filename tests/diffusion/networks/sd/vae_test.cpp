#include "diffusion/networks/sd/vae.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "core/error.h"
#include "core/safetensors.h"
#include "tests/diffusion/filled.h"
#include "tests/diffusion/golden.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using ::testing::ContainerEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Shapes = std::map<std::string, std::vector<std::int64_t>>;

TEST(SdVaeSize, HasTheOfficialKeysAndShapes) {
  std::ifstream file(test::golden("manifests") / "sd15_vae.json");
  const nlohmann::json official = nlohmann::json::parse(file);
  Parameters parameters;
  const SdVae network(parameters, read_sd_vae_config(official.at("config"), "sd15_vae"));
  Shapes shapes;
  for (const Parameter& parameter : parameters.all()) shapes[parameter.name] = parameter.shape;
  EXPECT_THAT(shapes, ContainerEq(official.at("state_dict").get<Shapes>()));
  EXPECT_EQ(parameters.count(), official.at("total_parameters").get<std::int64_t>());
  EXPECT_EQ(network.factor(), 8);
}

struct Small {
  Small()
      : network(weights, read_sd_vae_config({{"block_out_channels", {4, 8}},
                                             {"down_block_types", {"DownEncoderBlock2D", "DownEncoderBlock2D"}},
                                             {"up_block_types", {"UpDecoderBlock2D", "UpDecoderBlock2D"}},
                                             {"norm_num_groups", 4}},
                                            "config")) {
    test::fill(*this);
  }
  Parameters& parameters() { return weights; }

  Parameters weights;
  SdVae network;
};

/// The weights of `vae` in a file where the attention has its older names, its matrices with sides of 1 behind.
std::filesystem::path older_file(const Small& vae, const test::TemporaryFolder& folder) {
  SafetensorsWriter writer;
  for (const Parameter& parameter : vae.weights.all()) {
    std::string name = parameter.name;
    std::vector<std::int64_t> shape = parameter.shape;
    for (const auto& [now, before] : std::map<std::string, std::string>{
             {".to_q.", ".query."}, {".to_k.", ".key."}, {".to_v.", ".value."}, {".to_out.0.", ".proj_attn."}})
      if (const std::size_t at = name.find(now); at != std::string::npos) {
        name.replace(at, now.size(), before);
        if (shape.size() == 2) shape.insert(shape.end(), {1, 1});
      }
    const at::Tensor value = parameter.value.contiguous();
    writer.add(name, shape, std::span(value.const_data_ptr<float>(), static_cast<std::size_t>(value.numel())));
  }
  writer.write(folder / "older.safetensors");
  return folder / "older.safetensors";
}

TEST(SdVae, LoadsTheOlderNamesOfItsAttention) {
  const at::NoGradGuard no_grad;
  const test::TemporaryFolder folder;
  const Small now;
  const std::filesystem::path file = older_file(now, folder);
  Small older;
  older.weights.materialise(9);
  older.weights.load(SafetensorsFile(file));
  const at::Tensor image = normal({1, 3, 6, 8}, 1).clamp(-1, 1);
  EXPECT_TRUE(same_bits(older.network.moments(image), now.network.moments(image)));
  EXPECT_TRUE(same_bits(older.network.decode(normal({1, 4, 3, 4}, 2)), now.network.decode(normal({1, 4, 3, 4}, 2))));
}

TEST(SdVae, ScalesWhatItEncodesAndUndoesItBeforeDecoding) {
  const at::NoGradGuard no_grad;
  const Small vae;
  const at::Tensor image = normal({2, 3, 6, 8}, 1).clamp(-1, 1);
  const LatentGaussian latent(vae.network.moments(image));
  EXPECT_THAT(latent.mean.sizes(), ElementsAre(2, 4, 3, 4));
  EXPECT_LT(max_abs_difference(vae.network.encode_mean(image), latent.mean * 0.18215), 1e-6);
  EXPECT_THAT(vae.network.decode(latent.mean).sizes(), ElementsAre(2, 3, 6, 8));
}

TEST(SdVae, ComputesInFloat32WithPackedWeightsOf16Bits) {
  const at::NoGradGuard no_grad;
  Small wide, narrow;
  std::set<std::string> all;
  for (const Parameter& parameter : wide.weights.all()) {
    parameter.value.copy_(parameter.value.to(at::kHalf));
    all.insert(parameter.name);
  }
  narrow.weights.cast(at::kHalf, all);
  wide.weights.pack();
  narrow.weights.pack();
  const at::Tensor image = normal({2, 3, 6, 8}, 1).clamp(-1, 1), latent = normal({2, 4, 3, 4}, 2);
  EXPECT_LT(max_abs_difference(narrow.network.moments(image), wide.network.moments(image)), 1e-6);
  EXPECT_LT(max_abs_difference(narrow.network.decode(latent), wide.network.decode(latent)), 1e-6);
}

TEST(LatentGaussian, ClampsTheVariance) {
  const LatentGaussian latent(test::values({1, -40, 2, 30}, {2, 2, 1, 1}));
  EXPECT_FLOAT_EQ(latent.mean.flatten()[1].item<float>(), 2);
  EXPECT_FLOAT_EQ(latent.deviation.flatten()[0].item<float>(), std::exp(-15.0F));
  EXPECT_FLOAT_EQ(latent.deviation.flatten()[1].item<float>(), std::exp(10.0F));
}

TEST(SdVae, RefusesInputsOfOtherShapes) {
  const Small vae;
  EXPECT_THAT(message_of<InputError>([&] {
                vae.network.moments(normal({1, 4, 8, 8}, 1));
              }),
              HasSubstr("images must be [B, 3, H, W] of at least 2 pixels a side"));
  EXPECT_THAT(message_of<InputError>([&] {
                vae.network.moments(normal({1, 3, 1, 8}, 1));
              }),
              HasSubstr("at least 2 pixels a side"));
  EXPECT_THAT(message_of<InputError>([&] {
                vae.network.decode(normal({1, 3, 8, 8}, 1));
              }),
              HasSubstr("latents must be [B, 4, H, W]"));
}

}  // namespace
}  // namespace assay
