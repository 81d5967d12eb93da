#include "reproductions/text_model.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/safetensors.h"
#include "diffusion/networks/sd/text_to_image_folder.h"
#include "tests/reproductions/memory_run.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::indices;
using test::max_abs_difference;
using test::MemoryRun;
using test::message_of;
using test::normal;
using ::testing::AllOf;
using ::testing::HasSubstr;

nlohmann::json settings() {
  return {{"unet",
           {{"sample_size", 8},
            {"in_channels", 3},
            {"out_channels", 3},
            {"block_out_channels", {8, 8}},
            {"down_block_types", {"CrossAttnDownBlock2D", "DownBlock2D"}},
            {"up_block_types", {"UpBlock2D", "CrossAttnUpBlock2D"}},
            {"layers_per_block", 1},
            {"cross_attention_dim", 12},
            {"attention_head_dim", 2},
            {"norm_num_groups", 4}}},
          {"text_encoder",
           {{"hidden_size", 12}, {"intermediate_size", 16}, {"num_hidden_layers", 1}, {"num_attention_heads", 2}}},
          {"scheduler", {{"_class_name", "DDIMScheduler"}, {"beta_schedule", "scaled_linear"}}},
          {"vocabulary", {{"merges", 20}, {"length", 12}}},
          {"templates", {"{}", "a photo of a {}"}},
          {"train", {{"steps", 2}, {"batch", 4}, {"warmup_steps", 0}}},
          {"weights", "ema"}};
}

nlohmann::json config() { return {{"dataset", {{"name", "shapes"}, {"size", 8}, {"count", 20}}}}; }

TEST(TextModel, ShowsEachCaptionUnderEachTemplate) {
  const ClipTokenizer tokenizer = ClipTokenizer::learned({"red circle", "red square"}, 20, 12);
  const std::vector<ConditionBlock> blocks =
      caption_blocks(tokenizer, {"{}", "a photo of a {}"}, {"red circle", "blue square"});
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[1].name, "a photo of a {}");
  EXPECT_EQ(text_length(blocks), 12);
  EXPECT_TRUE(at::equal(blocks[1].text[1], indices(tokenizer.encode("a photo of a blue square").ids)));
  EXPECT_TRUE(at::equal(blocks[0].text[0], indices(tokenizer.encode("red circle").ids)));
}

TEST(TextModel, IsAllInItsCheckpoint) {
  const at::NoGradGuard no_grad;
  MemoryRun run(config());
  const TextModelOptions options = read_text_model_options(settings(), "text_model");
  const LabelledImages images = load_images(run.dataset(), Split::train);
  std::filesystem::path file;
  {
    const at::AutoGradMode gradients(true);
    file = trained_text_model(run, "small", options, images, 3);
  }
  EXPECT_EQ(run.stages.at("train:small").artifacts.at(0).meta.at("parameters"),
            make_text_model(options, images.captions)->parameters().trainable_count());
  EXPECT_EQ(shared_text_model(run, options, images, 3), file) << "the cache has it";

  const auto model = load_text_model(file);
  EXPECT_EQ(model->tokenizer().vocabulary_size(),
            make_text_model(options, images.captions)->tokenizer().vocabulary_size());
  const at::Tensor x = normal({1, 3, 8, 8}, 1), t = indices({500});
  const Condition told = Condition::of_text(model->ids({images.captions[0]}));
  const at::Tensor predicted = model->predict(x, t, told);
  EXPECT_GT(max_abs_difference(predicted, load_text_model(file, CheckpointWeights::raw)->predict(x, t, told)), 0);

  const auto folder = run.artifact_folder() / "saved";
  save_text_to_image(*model, folder);
  const auto reopened = open_text_model(folder.string(), at::kFloat, at::kCPU);
  EXPECT_LT(max_abs_difference(reopened->predict(x, t, told), predicted), 1e-5);
  EXPECT_EQ(reopened->text_identity(), model->text_identity());
  EXPECT_EQ(load_text_model(file, CheckpointWeights::ema, at::kBFloat16)->text_identity(), model->text_identity());
}

TEST(TextModel, RefusesSettingsAndFilesThatAreNone) {
  const auto refused = [](const std::string& pointer, const nlohmann::json& value) {
    nlohmann::json changed = settings();
    changed[nlohmann::json::json_pointer(pointer)] = value;
    return message_of<InputError>([&] { read_text_model_options(changed, "text_model"); });
  };
  EXPECT_THAT(refused("/templates", {"a photo"}), AllOf(HasSubstr("'a photo'"), HasSubstr("{}")));
  EXPECT_THAT(refused("/unet/cross_attention_dim", 16), HasSubstr("text_model.unet.cross_attention_dim"));
  EXPECT_THAT(refused("/scheduler/_class_name", "HeunDiscreteScheduler"), HasSubstr("HeunDiscreteScheduler"));
  EXPECT_THAT(refused("/vocabulary/merge", 3), HasSubstr("text_model.vocabulary: unknown key 'merge'"));
  EXPECT_THAT(message_of<InputError>([] { open_text_model("nowhere", at::kFloat, at::kCPU); }),
              AllOf(HasSubstr("'nowhere'"), HasSubstr("a folder as diffusers writes it"), HasSubstr("checkpoint")));
  const test::TemporaryFolder folder;
  SafetensorsWriter writer;
  writer.add_metadata("identity", R"({"what": "maskdm stage"})");
  writer.write(folder / "other.safetensors");
  EXPECT_THAT(message_of<InputError>([&] { load_text_model(folder / "other.safetensors"); }),
              AllOf(HasSubstr("other.safetensors"), HasSubstr("maskdm stage"), HasSubstr("text-to-image model")));
}

}  // namespace
}  // namespace assay
