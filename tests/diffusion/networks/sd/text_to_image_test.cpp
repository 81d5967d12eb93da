#include "diffusion/networks/sd/text_to_image.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/safetensors.h"
#include "diffusion/guidance/prompt_guidance.h"
#include "diffusion/networks/sd/text_to_image_folder.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "diffusion/sampling/scheduler_sampler.h"
#include "diffusion/training/trainer.h"
#include "kernels/host_tensor.h"
#include "tests/diffusion/golden.h"
#include "tests/diffusion/small_text_to_image.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::indices;
using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using test::small_text_to_image;
using test::small_text_to_image_config;
using test::small_tokenizer;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

const at::Tensor x = normal({2, 3, 4, 4}, 3);
const at::Tensor t = indices({900, 20});

TEST(TextToImage, PredictsFromIdsWhatItPredictsFromTheirStates) {
  const at::NoGradGuard no_grad;
  const auto model = small_text_to_image();
  const at::Tensor ids = model->ids({"a red cat", "a bat"});
  const at::Tensor predicted = model->predict(x, t, Condition::of_text(ids));
  EXPECT_EQ(predicted.sizes(), x.sizes());
  EXPECT_TRUE(same_bits(predicted, model->predict(x, t, Condition::of_text(model->states(ids)))));
  EXPECT_GT(max_abs_difference(predicted, model->predict(x, t, Condition::of_text(model->ids({"a bat", "a bat"})))),
            1e-4);
}

TEST(TextToImage, HasTheEmptyPromptAsItsNullCondition) {
  const at::NoGradGuard no_grad;
  const auto model = small_text_to_image();
  const at::Tensor empty = model->ids({"", ""}), told = model->ids({"a red cat", "a bat"});
  EXPECT_LT(max_abs_difference(model->predict(x, t, {}), model->predict(x, t, Condition::of_text(empty))), 1e-6);
  const at::Tensor drop = indices({0, 1}).to(at::kBool);
  const at::Tensor dropped = model->drop_condition(Condition::of_text(told), drop).text;
  EXPECT_TRUE(at::equal(dropped, at::cat({told.narrow(0, 0, 1), empty.narrow(0, 1, 1)})));
  const at::Tensor states = model->states(told);
  const at::Tensor without = model->drop_condition(Condition::of_text(states), drop).text;
  EXPECT_TRUE(same_bits(without.narrow(0, 0, 1), states.narrow(0, 0, 1)));
  EXPECT_LT(max_abs_difference(without.narrow(0, 1, 1), model->states(empty).narrow(0, 1, 1)), 1e-6);
}

TEST(TextToImage, ReadsAnAddedWordByItsRow) {
  const at::NoGradGuard no_grad;
  const auto model = small_text_to_image();
  const at::Tensor red = model->states({"a red cat"});
  const std::vector<std::int64_t> pieces = model->tokenizer().pieces("red");
  ASSERT_EQ(pieces.size(), 3U) << "'red' is a word of the vocabulary";
  const std::int64_t id = model->add_token("newclas", model->token_row(pieces[1]));
  EXPECT_EQ(id, model->text_encoder().config().vocab_size);
  EXPECT_TRUE(same_bits(model->states({"a newclas cat"}), red));
  EXPECT_TRUE(same_bits(model->states({"a red cat"}), red)) << "other words are as they were";
  const at::Tensor other = at::ones_like(model->token_row(id)).unsqueeze(0);
  EXPECT_GT(max_abs_difference(model->states({"a newclas cat"}, other), red), 1e-3);
  EXPECT_THAT(message_of<InputError>([&] { model->add_token("short", normal({5}, 1)); }),
              AllOf(HasSubstr("'short'"), HasSubstr("[5]"), HasSubstr("[12]")));
}

TEST(TextToImage, ScalesTheRowsOfAllOtherWords) {
  const at::NoGradGuard no_grad;
  const auto model = small_text_to_image(), scaled = small_text_to_image();
  const at::Tensor row = normal({12}, 4);
  for (const auto& m : {model.get(), scaled.get()}) m->add_token("newclas", row);
  // The same table, multiplied in place.
  at::Tensor(scaled->text_encoder().token_embeddings()).mul_(0.5);
  EXPECT_LT(max_abs_difference(model->states({"a newclas cat", ""}, {}, 0.5), scaled->states({"a newclas cat", ""})),
            1e-6);
}

TEST(TextToImage, SaysWhatOfAPromptIsCut) {
  const auto model = small_text_to_image();
  std::vector<std::int64_t> dropped;
  EXPECT_EQ(model->ids({"a cat", "a cat a cat a cat a cat a cat a cat"}, &dropped).size(1), 10);
  ASSERT_EQ(dropped.size(), 2U);
  EXPECT_EQ(dropped[0], 0);
  EXPECT_GT(dropped[1], 0);
}

TEST(TextToImage, RefusesPartsThatDoNotFitEachOther) {
  const auto refused = [](const std::function<void(TextToImageConfig&)>& change, bool latents = false) {
    TextToImageConfig config = small_text_to_image_config(small_tokenizer(), latents);
    change(config);
    return message_of<InputError>([&] { TextToImage(config, small_tokenizer()); });
  };
  EXPECT_THAT(refused([](auto& c) { c.unet["cross_attention_dim"] = 16; }),
              AllOf(HasSubstr("small/unet.cross_attention_dim: 16"), HasSubstr("12")));
  EXPECT_THAT(refused([](auto& c) { c.text_encoder["vocab_size"] = 100; }), HasSubstr("vocab_size: 100"));
  EXPECT_THAT(refused([](auto& c) { c.text_encoder["max_position_embeddings"] = 8; }), HasSubstr("have 10 tokens"));
  EXPECT_THAT(refused([](auto& c) { c.vae = test::small_vae(); }), HasSubstr("in_channels: 3"));
  EXPECT_THAT(refused([](auto& c) { c.vae = nlohmann::json(); }, true), HasSubstr("draws images of 3"));
  EXPECT_THAT(refused([](auto& c) { c.scheduler["prediction_type"] = "x0"; }), HasSubstr("'x0'"));
  const auto model = small_text_to_image();
  EXPECT_THAT(message_of<InputError>([&] { model->predict(x, t, normal({2, 3}, 1)); }), HasSubstr("takes a text"));
}

TEST(TextToImage, IsTrainedWithItsTextEncoder) {
  const TemporaryFolder folder;
  const auto model = small_text_to_image(), before = small_text_to_image();
  TrainingSet set;
  set.images = normal({4, 3, 4, 4}, 5).clamp(-1, 1);
  set.blocks.resize(2);
  set.blocks[0].name = "{}";
  set.blocks[0].text = model->ids({"a red cat", "a blue cat", "a red cat", "a blue cat"});
  set.blocks[1].name = "a {}";
  set.blocks[1].text = model->ids({"a a red cat", "a a blue cat", "a a red cat", "a a blue cat"});
  TrainOptions options;
  options.steps = 3;
  options.batch = 4;
  options.learning_rate = 1e-2;
  options.weight_decay = 0;
  options.warmup_steps = 0;
  options.condition_dropout = 0.2;
  train(*model, schedule_of_config(model->config().scheduler, "scheduler"), set, options, 1, folder / "m.safetensors",
        "id", 1e9, {});
  const std::int64_t red = model->tokenizer().pieces("red")[1], bat = model->tokenizer().pieces("bat")[1];
  EXPECT_GT(max_abs_difference(model->token_row(red), before->token_row(red)), 1e-3);
  EXPECT_TRUE(same_bits(model->token_row(bat), before->token_row(bat))) << "a word that no caption has";
  set.blocks.clear();
  EXPECT_THAT(message_of<InputError>([&] {
                train(*model, schedule_of_config(model->config().scheduler, "scheduler"), set, options, 1,
                      folder / "n.safetensors", "id", 1e9, {});
              }),
              HasSubstr("takes a text, the set has none"));
}

/// A step of diffusers' pipelines after each of these, by this code's sampler and guidance.
TEST(TextToImage, DrawsAsDiffusersDoes) {
  ASSAY_NEEDS_SHARED_GOLDEN("sd.pipeline");
  const at::NoGradGuard no_grad;
  const auto pack = test::shared_golden("sd.pipeline");
  const auto model = load_text_to_image(pack / "model");
  const SafetensorsFile cases(pack / "cases.safetensors");
  struct Row {
    const char *name, *scheduler, *negative;
    double weight;
  };
  for (const Row& row : {Row{"pndm_w5", "", "old rain", 5}, Row{"ddim_w1", "ddim", "old rain", 1},
                         Row{"ddim_w7.5", "ddim", "", 7.5}, Row{"euler_w5", "euler", "old rain", 5}}) {
    nlohmann::json config = model->config().scheduler;
    config["clip_sample"] = false;
    const SchedulerSampler sampler([&] { return scheduler_of_config(config, "scheduler", row.scheduler); }, 6);
    const at::Tensor noise = tensor_of(cases, std::string(row.name) + "/in.noise");
    const std::vector<std::string> prompts(static_cast<std::size_t>(noise.size(0)), "a photo of a smiling orange cat");
    const std::vector<std::string> negatives(prompts.size(), row.negative);
    PromptGuidance guidance(Condition::of_text(model->states(prompts)), Condition::of_text(model->states(negatives)),
                            row.weight);
    const at::Tensor latents = tensor_of(cases, std::string(row.name) + "/out.latents");
    std::int64_t seen = 0;
    const auto near = [&](const at::Tensor& got, const at::Tensor& want) {
      return ((got - want).abs() - 1e-3 * want.abs()).max().item<double>();
    };
    const at::Tensor drawn = sampler.sample(*model, guidance, noise, {}, [&](std::int64_t step, const at::Tensor& at) {
      ++seen;
      EXPECT_LT(near(at, latents[step]), 2e-4) << row.name << " step " << step;
    });
    EXPECT_EQ(seen, latents.size(0)) << row.name;
    EXPECT_LT(near(model->decode(drawn) / 2 + 0.5, tensor_of(cases, std::string(row.name) + "/out.image")), 2e-4)
        << row.name;
  }
}

TEST(TextToImageFolder, HoldsWhatPredictsTheSame) {
  const at::NoGradGuard no_grad;
  const TemporaryFolder folder;
  for (const bool latents : {false, true}) {
    const auto model = small_text_to_image(latents, "v_prediction");
    const auto place = folder / (latents ? "latents" : "pixels");
    save_text_to_image(*model, place);
    const auto loaded = load_text_to_image(place);
    EXPECT_EQ(loaded->prediction(), Prediction::v_prediction);
    EXPECT_EQ(loaded->vae() != nullptr, latents);
    EXPECT_EQ(loaded->latent_shape(), model->latent_shape());
    EXPECT_TRUE(at::equal(loaded->ids({"a red cat!"}), model->ids({"a red cat!"})));
    const at::Tensor noise = normal({2, latents ? 4 : 3, 4, 4}, 3);
    const Condition told = Condition::of_text(model->ids({"a red cat", "a bat"}));
    EXPECT_LT(max_abs_difference(loaded->predict(noise, t, told), model->predict(noise, t, told)), 1e-6);
    EXPECT_LT(max_abs_difference(loaded->decode(noise), model->decode(noise)), 1e-6);
    EXPECT_EQ(loaded->text_identity(), model->text_identity());
    const auto half = load_text_to_image(place, at::kBFloat16);
    EXPECT_EQ(half->text_identity(), model->text_identity()) << "the file's, whatever it is converted to";
    const at::Tensor rounded = half->predict(noise, t, told);
    EXPECT_EQ(rounded.scalar_type(), at::kFloat);
    EXPECT_LT(max_abs_difference(rounded, model->predict(noise, t, told)), 0.1);
    EXPECT_THAT(message_of<InputError>([&] { save_text_to_image(*model, place); }), HasSubstr("exists already"));
  }
}

TEST(TextToImageFolder, RefusesToLeaveOutTheRowsOfAddedWords) {
  const TemporaryFolder folder;
  const auto model = small_text_to_image();
  model->add_token("newclas", normal({12}, 4));
  EXPECT_THAT(message_of<InputError>([&] { save_text_to_image(*model, folder / "model"); }),
              HasSubstr("accepted: a model without added words"));
}

TEST(TextToImageFolder, TellsTextEncodersApart) {
  const auto model = small_text_to_image();
  const std::string before = model->text_identity();
  at::NoGradGuard no_grad;
  at::Tensor(model->text_encoder().token_embeddings()).select(0, 3).add_(1e-3);
  EXPECT_NE(model->text_identity(), before);
}

}  // namespace
}  // namespace assay
