#include "diffusion/networks/vit/uvit_keys.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "diffusion/networks/vit/uvit.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::indices;
using test::max_abs_difference;
using test::message_of;
using test::normal;
using ::testing::AllOf;
using ::testing::HasSubstr;

template <class Config>
Config small(std::int64_t classes, bool qkv_bias) {
  Config c;
  c.img_size = 8;
  c.patch_size = 2;
  c.embed_dim = 16;
  c.depth = 3;
  c.num_heads = 2;
  c.mlp_time_embed = true;
  c.qkv_bias = qkv_bias;
  c.num_classes = classes;
  return c;
}

UVitConfig small_uvit(std::int64_t classes, bool qkv_bias, bool conv) {
  auto c = small<UVitConfig>(classes, qkv_bias);
  c.conv = conv;
  return c;
}

void fill(Parameters& parameters) {
  parameters.materialise(1);
  parameters.assign(0.3 * normal({parameters.trainable_count()}, 2));
}

/// Sets the biases of keys, which stand between those of queries and values.
void set_key_bias(Parameters& parameters, float value) {
  const at::NoGradGuard no_grad;
  for (const Parameter& p : parameters.all())
    if (p.name.ends_with("attn.qkv.bias")) at::Tensor(p.value).narrow(0, p.shape[0] / 3, p.shape[0] / 3).fill_(value);
}

class UVitKeys : public ::testing::Test {
 protected:
  SafetensorsFile saved(const Parameters& parameters, const std::string& name) const {
    SafetensorsWriter writer;
    parameters.save(writer);
    writer.write(folder / name);
    return SafetensorsFile(folder / name);
  }
  test::TemporaryFolder folder;
  at::Tensor x = normal({3, 3, 8, 8}, 3), t = indices({5, 700, 42});
};

TEST_F(UVitKeys, GiveMaskdmsNetworkTheSameOutput) {
  const at::NoGradGuard no_grad;
  for (const bool classes : {false, true}) {
    for (const bool qkv_bias : {false, true}) {
      // U-ViT counts the null class, MaskDM's network has an embedding beside its classes.
      UVit official(small_uvit(classes ? 5 : -1, qkv_bias, false));
      fill(official.parameters());
      set_key_bias(official.parameters(), 0);
      const SafetensorsFile file = saved(official.parameters(), "uvit.safetensors");
      MaskUVit network(small<MaskUVitConfig>(classes ? 4 : -1, qkv_bias));
      network.parameters().materialise(9);
      load_mask_uvit(network, file);
      const at::Tensor labels = classes ? indices({0, 3, 1}) : at::Tensor();
      EXPECT_LT(max_abs_difference(network.forward(x, t, labels), official.forward(x, t, labels)), 1e-6);
      if (classes) {
        EXPECT_LT(max_abs_difference(network.forward(x, t), official.forward(x, t, indices({4, 4, 4}))), 1e-6);
      }
    }
  }
}

TEST_F(UVitKeys, DropAFinalLayerOnlyWhenTold) {
  const at::NoGradGuard no_grad;
  UVit official(small_uvit(-1, false, true));
  fill(official.parameters());
  const SafetensorsFile file = saved(official.parameters(), "uvit.safetensors");
  MaskUVit network(small<MaskUVitConfig>(-1, false));
  network.parameters().materialise(9);
  EXPECT_THAT(message_of<InputError>([&] { load_mask_uvit(network, file); }),
              AllOf(HasSubstr("uvit.safetensors"), HasSubstr("final layer"), HasSubstr("lacks")));
  load_mask_uvit(network, file, FinalLayer::drop);
  // What is left is the network before its last convolution.
  UVit headless(small_uvit(-1, false, false));
  headless.parameters().materialise(10);
  for (const Parameter& p : headless.parameters().all())
    for (const Parameter& q : official.parameters().all())
      if (p.name == q.name) p.value.copy_(q.value);
  EXPECT_LT(max_abs_difference(network.forward(x, t), headless.forward(x, t, {})), 1e-6);
}

TEST_F(UVitKeys, AreNotTakenWithAFinalLayerUnderMaskdmsNames) {
  MaskUVit network(small<MaskUVitConfig>(-1, false));
  fill(network.parameters());
  SafetensorsWriter writer;
  network.parameters().save(writer);
  const std::vector<float> zeros(3, 0.0F);
  writer.add("final_layer.bias", {3}, std::span<const float>(zeros));
  writer.write(folder / "conv.safetensors");
  const SafetensorsFile file(folder / "conv.safetensors");
  EXPECT_THAT(message_of<InputError>([&] { load_mask_uvit(network, file); }), HasSubstr("final layer"));
  load_mask_uvit(network, file, FinalLayer::drop);
}

TEST_F(UVitKeys, NameABiasOfKeysThatCannotBeKept) {
  UVit official(small_uvit(-1, true, false));
  fill(official.parameters());
  set_key_bias(official.parameters(), 0.5F);
  const SafetensorsFile file = saved(official.parameters(), "uvit.safetensors");
  EXPECT_THAT(message_of<InputError>([&] { mask_uvit_tensors(file); }),
              AllOf(HasSubstr("in_blocks.0.attn.qkv.bias"), HasSubstr("bias for keys")));
}

TEST_F(UVitKeys, RefuseANetworkOfAnotherSize) {
  UVit official(small_uvit(4, false, false));
  fill(official.parameters());
  const SafetensorsFile file = saved(official.parameters(), "uvit.safetensors");
  // Four rows are three classes and none.
  MaskUVit network(small<MaskUVitConfig>(4, false));
  network.parameters().materialise(9);
  EXPECT_THAT(message_of<InputError>([&] { load_mask_uvit(network, file); }),
              HasSubstr("encoder.label_emb.weight is [3, 16], expected [4, 16]"));
}

}  // namespace
}  // namespace assay
