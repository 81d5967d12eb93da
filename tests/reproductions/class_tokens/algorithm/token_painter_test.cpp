#include "reproductions/class_tokens/algorithm/token_painter.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::class_tokens {
namespace {

using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using ::testing::HasSubstr;

/// A model of some thousand random weights.
std::unique_ptr<TextToImage> small_model() {
  TextToImageConfig config;
  config.unet = {{"sample_size", 8},
                 {"in_channels", 3},
                 {"out_channels", 3},
                 {"block_out_channels", {8, 16}},
                 {"down_block_types", {"DownBlock2D", "CrossAttnDownBlock2D"}},
                 {"up_block_types", {"CrossAttnUpBlock2D", "UpBlock2D"}},
                 {"layers_per_block", 1},
                 {"attention_head_dim", 2},
                 {"cross_attention_dim", 16},
                 {"norm_num_groups", 4}};
  config.scheduler = {{"_class_name", "PNDMScheduler"}, {"beta_schedule", "scaled_linear"},
                      {"beta_start", 0.00085},          {"beta_end", 0.012},
                      {"skip_prk_steps", true},         {"steps_offset", 1}};
  ClipTokenizer tokenizer = ClipTokenizer::learned(
      {"a photo of a bat", "a photo of a bat", "an image of a crane", "an image of a crane", "seal", "seal"}, 100, 16);
  config.text_encoder = {{"vocab_size", tokenizer.vocabulary_size()},
                         {"hidden_size", 16},
                         {"intermediate_size", 32},
                         {"num_hidden_layers", 1},
                         {"num_attention_heads", 2},
                         {"max_position_embeddings", tokenizer.length()},
                         {"eos_token_id", tokenizer.end_id()}};
  auto model = std::make_unique<TextToImage>(config, std::move(tokenizer));
  model->parameters().materialise(4);
  // Rows of deviation 0.02, as training begins with, would hardly be told from each other.
  const at::NoGradGuard no_grad;
  at::Tensor(model->text_encoder().token_embeddings()).mul_(20);
  return model;
}

Drawn drawn(std::int64_t differentiated = 2) {
  return {.scheduler = "", .steps = 4, .guidance = 3.0, .differentiated = differentiated};
}

at::Tensor noise(std::int64_t count) { return normal({count, 3, 8, 8}, 11); }

TEST(TokenPainter, GradientOfTheRowEqualsFiniteDifferences) {
  const auto model = small_model();
  const std::vector<std::string> prompts = {"a photo of newclas bat", "an image of newclas bat"};
  // Through all calls, so that the loss itself may be differenced.
  const TokenPainter painter(*model, "newclas", drawn(1000));
  const at::Tensor weights = normal({2, 3, 8, 8}, 12);
  const auto loss = [&](const at::Tensor& row) {
    return (painter.images(prompts, {row}, true, noise(2)) * weights).sum();
  };
  at::Tensor row = painter.row_of("a");
  row.set_requires_grad(true);
  loss(row).backward();
  const at::Tensor direction = normal({16}, 13);
  const at::NoGradGuard no_grad;
  const double h = 2e-2, along = (row.grad() * direction).sum().item<double>(),
               differences =
                   (loss(row + h * direction).item<double>() - loss(row - h * direction).item<double>()) / (2 * h);
  EXPECT_GT(std::abs(along), 1e-2);
  EXPECT_NEAR(differences, along, 0.05 * std::abs(along));
}

TEST(TokenPainter, OnlyTheRowOfTheTokenChangesWhileItIsLearned) {
  const auto model = small_model();
  const TokenPainter painter(*model, "newclas", drawn());
  std::vector<at::Tensor> before;
  before.reserve(model->parameters().all().size());
  for (const Parameter& parameter : model->parameters().all()) before.push_back(parameter.value.clone());
  const at::Tensor plain = painter.images({"a photo of a crane"}, {painter.row_of("a")}, true, noise(1));

  LearningOptions options;
  options.epochs = 3;
  options.images = options.batch = 2;
  options.judged = 1;
  options.accuracy_to_stop = 1;
  const auto logits = [&](const std::vector<PromptedNoise>& images, const TokenRows& rows) {
    const std::vector<std::string> prompts(images.size(), "a photo of newclas bat");
    return painter.images(prompts, rows, true, noise(static_cast<std::int64_t>(images.size()))).flatten(2).mean(2);
  };
  const LearnedToken learned = learn_token(logits, painter.row_of("a"), 1, 1, options, 1);

  EXPECT_FALSE(same_bits(learned.rows.row, painter.row_of("a")));
  EXPECT_EQ(learned.rows.others, 1.0);
  std::size_t i = 0;
  for (const Parameter& parameter : model->parameters().all())
    EXPECT_TRUE(same_bits(parameter.value.detach(), before[i++])) << parameter.name;
  EXPECT_TRUE(same_bits(painter.images({"a photo of a crane"}, learned.rows, true, noise(1)), plain));
}

TEST(TokenPainter, ShrunkRowsAreThoseOfATableThatIsMultiplied) {
  const auto model = small_model(), shrunk = small_model();
  {
    const at::NoGradGuard no_grad;
    at::Tensor(shrunk->text_encoder().token_embeddings()).mul_(0.7);
  }
  const at::Tensor row = normal({16}, 3);
  for (const bool padded : {true, false})
    EXPECT_LT(
        max_abs_difference(
            TokenPainter(*model, "newclas", drawn()).images({"a photo of newclas bat"}, {row, 0.7}, padded, noise(1)),
            TokenPainter(*shrunk, "newclas", drawn()).images({"a photo of newclas bat"}, {row}, padded, noise(1))),
        1e-5);
}

TEST(TokenPainter, DrawsAnImageAlikeAloneAndAmongOthers) {
  const auto model = small_model();
  const TokenPainter painter(*model, "newclas", drawn());
  const TokenRows rows{normal({16}, 3)};
  const at::Tensor together = painter.images({"a photo of newclas bat", "seal"}, rows, true, noise(2));
  EXPECT_LT(
      max_abs_difference(together.narrow(0, 1, 1), painter.images({"seal"}, rows, true, noise(2).narrow(0, 1, 1))),
      1e-4);
}

TEST(TokenPainter, PaddingMakesADifference) {
  const auto model = small_model();
  const TokenPainter painter(*model, "newclas", drawn());
  const TokenRows rows{normal({16}, 3)};
  EXPECT_GT(max_abs_difference(painter.images({"newclas bat"}, rows, true, noise(1)),
                               painter.images({"newclas bat"}, rows, false, noise(1))),
            1e-4);
}

TEST(TokenPainter, SaysWhatItCannotDraw) {
  const auto model = small_model();
  const TokenPainter painter(*model, "newclas", drawn());
  const TokenRows rows{normal({16}, 3)};
  EXPECT_THAT(message_of<InputError>([&] { TokenPainter(*model, "bat", drawn()); }), HasSubstr("bat"));
  EXPECT_THAT(message_of<InputError>([&] {
                painter.images({"bat crane seal bat crane seal bat crane seal bat crane seal bat crane seal"}, rows,
                               true, noise(1));
              }),
              HasSubstr("accepted by this text encoder: at most 16"));
  EXPECT_THAT(message_of<InputError>([&] {
                painter.images({"seal", "a seal"}, rows, false, noise(2));
              }),
              HasSubstr("in one batch without padding; accepted: one length"));
  EXPECT_THAT(message_of<InputError>([&] { painter.row_of("zebra"); }), HasSubstr("initial word 'zebra'"));
  EXPECT_THAT(message_of<InputError>([] {
                painting_chain({{"_class_name", "DDIMScheduler"}, {"eta", 0.5}}, "folder/scheduler", drawn());
              }),
              HasSubstr("folder/scheduler: this scheduler draws noise at its steps; accepted: one that does not"));
}

}  // namespace
}  // namespace assay::class_tokens
