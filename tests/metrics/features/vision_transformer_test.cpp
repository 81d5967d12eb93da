#include "metrics/features/vision_transformer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/error.h"
#include "core/safetensors.h"
#include "metrics/features/feature_network.h"
#include "tests/support/random_weights.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

// Values against the official code are in the pack `dino.vit` (tests/bench/parity/parity_test.cpp).

namespace assay {
namespace {

using Shapes = std::vector<std::pair<std::string, std::vector<std::int64_t>>>;

VisionTransformerConfig small() {
  VisionTransformerConfig config;
  config.img_size = 56;
  config.patch_size = 14;
  config.embed_dim = 128;
  config.depth = 2;
  config.num_heads = 2;
  return config;
}

Shapes shapes_of(const VisionTransformerConfig& config) {
  Shapes shapes;
  for (const WeightShape& weight : VisionTransformer::state(config)) shapes.emplace_back(weight.name, weight.shape);
  return shapes;
}

/// Random weights of `config` whose gains are all `gain`.
void write_with_gains(const std::filesystem::path& file, const VisionTransformerConfig& config, float gain) {
  const test::TemporaryFolder folder;
  test::write_random_weights(folder / "random.safetensors", shapes_of(config));
  const SafetensorsFile random(folder / "random.safetensors");
  SafetensorsWriter writer;
  for (const auto& [name, view] : random.tensors()) {
    const std::vector<float> gains(static_cast<std::size_t>(config.embed_dim), gain);
    if (name.ends_with(".gamma"))
      writer.add(name, view.shape, std::span<const float>(gains));
    else
      writer.add(name, view.type, view.shape, view.data);
  }
  writer.write(file);
}

TEST(VisionTransformer, GainsOfOneAreDinoWithoutLayerScale) {
  const test::TemporaryFolder folder;
  VisionTransformerConfig plain = small(), scaled = small();
  scaled.layer_scale = scaled.mask_token = true;
  test::write_random_weights(folder / "plain.safetensors", shapes_of(plain));
  write_with_gains(folder / "scaled.safetensors", scaled, 1);
  const at::Tensor images = test::normal({2, 3, 70, 56}, 1);
  EXPECT_TRUE(test::same_bits(VisionTransformer(plain, folder / "plain.safetensors").forward(images).tokens_normed,
                              VisionTransformer(scaled, folder / "scaled.safetensors").forward(images).tokens_normed));
}

TEST(VisionTransformer, GainsOfZeroLeaveEveryBlockOut) {
  const test::TemporaryFolder folder;
  VisionTransformerConfig config = small();
  config.layer_scale = true;
  write_with_gains(folder / "w.safetensors", config, 0);
  const auto out = VisionTransformer(config, folder / "w.safetensors").forward(test::normal({1, 3, 56, 56}, 2));
  EXPECT_TRUE(test::same_bits(out.tokens_normed, out.second_last_normed));
}

TEST(VisionTransformer, ShapesTellTheConfigurationOfDinov2) {
  const test::TemporaryFolder folder;
  VisionTransformerConfig config = small();
  config.layer_scale = config.mask_token = true;
  test::write_random_weights(folder / "w.safetensors", shapes_of(config));
  const VisionTransformerConfig found = detect_vision_transformer(folder / "w.safetensors");
  EXPECT_EQ(found.img_size, 56);
  EXPECT_EQ(found.patch_size, 14);
  EXPECT_EQ(found.embed_dim, 128);
  EXPECT_EQ(found.depth, 2);
  EXPECT_EQ(found.num_heads, 2);
  EXPECT_EQ(found.mlp_ratio, 4);
  EXPECT_TRUE(found.layer_scale);
  EXPECT_TRUE(found.mask_token);

  const auto network = load_feature_network(FeatureNetworkId::dinov2, folder / "w.safetensors");
  const std::vector<float> images(2UL * 3 * 224 * 224, 0.5f);
  EXPECT_EQ(network->run(images).features.size(), 2U * 128);
}

TEST(VisionTransformer, AnotherNetworksFileIsRefusedByName) {
  const test::TemporaryFolder folder;
  test::write_random_weights(folder / "w.safetensors", {{"fc.bias", {4}}});
  EXPECT_THAT(test::message_of<InputError>([&] { detect_vision_transformer(folder / "w.safetensors"); }),
              ::testing::HasSubstr("no DINO network: 'patch_embed.proj.weight'"));
}

}  // namespace
}  // namespace assay
