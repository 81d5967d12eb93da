#include "diffusion/networks/sd/clip_text.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/safetensors.h"
#include "diffusion/networks/computing_type.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

// Values against transformers are in the packs sd.clip_text and sd.pipeline.
namespace assay {
namespace {

using test::message_of;
using test::normal;
using ::testing::AllOf;
using ::testing::HasSubstr;

ClipTextConfig small_config() {
  ClipTextConfig c;
  c.vocab_size = 20;
  c.hidden_size = 8;
  c.intermediate_size = 16;
  c.num_hidden_layers = 2;
  c.num_attention_heads = 2;
  c.max_position_embeddings = 6;
  c.eos_token_id = 19;
  return c;
}

struct Text {
  explicit Text(const std::string& prefix = "") : network(parameters, small_config(), prefix) {
    parameters.materialise(1);
  }
  Parameters parameters;
  ClipText network;
};

at::Tensor ids(std::vector<std::int64_t> values) { return at::tensor(values).unsqueeze(0); }

TEST(ClipText, AnAddedTokenIsARowOfTheTable) {
  const Text text;
  // A row that equals that of token 3 makes its id a second name of token 3.
  const at::Tensor rows = at::cat({normal({1, 8}, 2), text.network.token_embeddings().narrow(0, 3, 1)});
  EXPECT_TRUE(at::equal(text.network(ids({18, 21, 5, 19}), rows), text.network(ids({18, 3, 5, 19}))));
}

TEST(ClipText, OnlyAddedTokensOfThePromptGetGradients) {
  const Text text;
  const at::Tensor rows = normal({2, 8}, 3).requires_grad_(true);
  text.network(ids({18, 20, 5, 20}), rows).sum().backward();
  EXPECT_GT(rows.grad()[0].abs().max().item<float>(), 0);
  EXPECT_EQ(rows.grad()[1].abs().max().item<float>(), 0);
}

TEST(ClipText, TheGradientOfARowIsTheSlopeOfItsLoss) {
  Text text;
  for (const Parameter& parameter : text.parameters.all())
    const_cast<Parameter&>(parameter).value = parameter.value.to(at::kDouble);
  const at::Tensor weight = normal({1, 4, 8}, 4).to(at::kDouble), start = normal({1, 8}, 5).to(at::kDouble);
  const auto loss = [&](const at::Tensor& row) { return (text.network(ids({18, 20, 5, 19}), row) * weight).sum(); };
  const at::Tensor row = start.clone().requires_grad_(true);
  loss(row).backward();
  constexpr double step = 1e-6;
  for (std::int64_t i = 0; i < 8; ++i) {
    at::Tensor up = start.clone(), down = start.clone();
    up[0][i] += step;
    down[0][i] -= step;
    EXPECT_NEAR(row.grad()[0][i].item<double>(), (loss(up) - loss(down)).item<double>() / (2 * step), 1e-6);
  }
}

// Matrices so large that they stay in 16 bits, and small ones, which do not.
TEST(ClipText, ComputesInFloat32WithPackedWeightsOf16Bits) {
  const at::NoGradGuard no_grad;
  ClipTextConfig config = small_config();
  config.vocab_size = config.intermediate_size = 8192;
  config.hidden_size = 64;
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    if (computing_type(type, at::kCPU) != at::kFloat) continue;  // a processor that multiplies it itself
    Parameters narrow, wide;
    const ClipText network(narrow, config), rounded(wide, config);
    narrow.materialise_to_predict(1, type);
    wide.materialise_to_predict(1, at::kFloat);
    for (const Parameter& parameter : wide.all()) parameter.value.copy_(parameter.value.to(type));
    narrow.pack();
    wide.pack();
    EXPECT_EQ(network.token_embeddings().scalar_type(), type);
    const at::Tensor prompt = ids({18, 4001, 8192, 5, 19}), row = normal({1, 64}, 3);
    const at::Tensor got = network(prompt, row), expected = rounded(prompt, row);
    EXPECT_EQ(got.scalar_type(), at::kFloat);
    EXPECT_LT(((got - expected).norm() / expected.norm()).item<double>(), 1e-6) << type;
  }
}

TEST(ClipText, LaterTokensChangeNoEarlierState) {
  const Text text;
  const at::Tensor a = text.network(ids({18, 3, 4, 5})), b = text.network(ids({18, 3, 9, 19}));
  EXPECT_LT((a - b).narrow(1, 0, 2).abs().max().item<float>(), 1e-6);
  EXPECT_GT((a - b).narrow(1, 2, 2).abs().max().item<float>(), 1e-3);
}

TEST(ClipText, TheTwoWaysThroughTheNetworkAgree) {
  const Text text;
  const at::Tensor prompt = ids({18, 3, 19, 19});
  const ClipText::Outputs out = text.network.all(prompt);
  EXPECT_TRUE(at::equal(out.last_hidden_state, text.network(prompt)));
  EXPECT_TRUE(at::equal(out.pooler_output[0], out.last_hidden_state[0][2]));  // the first end
  // A mask that hides nothing is another way to the same numbers.
  const ClipText::Outputs masked = text.network.all(prompt, {}, at::arange(1, 5).unsqueeze(0));
  EXPECT_LT((masked.last_hidden_state - out.last_hidden_state).abs().max().item<float>(), 1e-5);
}

TEST(ClipText, RefusesIdsThatItHasNoEmbeddingFor) {
  const Text text;
  EXPECT_THAT(message_of<InputError>([&] {
                text.network(ids({18, 20}));
              }),
              HasSubstr("token id 20; accepted: 0 to 19"));
  EXPECT_THAT(message_of<InputError>([&] { text.network(ids({18, -1})); }), HasSubstr("token id -1"));
  EXPECT_THAT(message_of<InputError>([&] { text.network(ids({0, 1, 2, 3, 4, 5, 6})); }), HasSubstr("at most 6"));
  EXPECT_THAT(message_of<InputError>([&] { text.network(ids({1}), normal({1, 7}, 1)); }), HasSubstr("[K, 8]"));
}

TEST(ClipText, BothLayoutsOfAFileLoad) {
  const test::TemporaryFolder folder;
  for (const std::string prefix : {"text_model.", ""}) {
    const Text saved(prefix);
    SafetensorsWriter writer;
    saved.parameters.save(writer);
    const std::array<std::int64_t, 2> positions{0, 1};
    writer.add(prefix + "embeddings.position_ids", {1, 2}, std::span<const std::int64_t>(positions));
    writer.write(folder / "model.safetensors");
    SafetensorsFile file(folder / "model.safetensors");
    EXPECT_EQ(prepare_clip_text_file(file), prefix);
    Text loaded(prefix);
    loaded.parameters.load(file);
    EXPECT_TRUE(at::equal(loaded.network(ids({18, 3})), saved.network(ids({18, 3}))));
  }
  SafetensorsWriter other;
  const std::array<float, 1> value{1};
  other.add("conv_in.weight", {1}, std::span<const float>(value));
  other.write(folder / "other.safetensors");
  SafetensorsFile file(folder / "other.safetensors");
  EXPECT_THAT(message_of<InputError>([&] { prepare_clip_text_file(file); }), HasSubstr("no text encoder of CLIP"));
}

TEST(ClipText, AConfigurationSaysWhatIsNotBuilt) {
  const auto fault = [](nlohmann::json config) {
    return message_of<InputError>([&] { read_clip_text_config(config, "config.json"); });
  };
  EXPECT_EQ(read_clip_text_config({{"hidden_act", "gelu"}, {"vocab_size", 7}}, "").vocab_size, 7);
  EXPECT_THAT(fault({{"hidden_act", "relu"}}), AllOf(HasSubstr("config.json.hidden_act"), HasSubstr("quick_gelu")));
  EXPECT_THAT(fault({{"model_type", "t5"}}), HasSubstr("model_type"));
  EXPECT_THAT(fault({{"hidden_size", 10}, {"num_attention_heads", 4}}), HasSubstr("not a multiple of the 4 heads"));
  EXPECT_THAT(fault({{"rotary", true}}), HasSubstr("rotary"));
}

}  // namespace
}  // namespace assay
