// Networks that train by the operators of kernels/training beside the same ones composed of LibTorch's.
#include "kernels/training/own_gradients.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "diffusion/networks/adm/unet.h"
#include "diffusion/training/flat_adamw.h"
#include "kernels/thread_count.h"
#include "tests/diffusion/small_text_to_image.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::normal;
using test::same_bits;

enum class Operators { own, composed };

/// A network and what it is shown.
struct Subject {
  std::unique_ptr<TrainableDenoiser> network;
  at::Tensor images;
  Condition condition;
};
using MakeSubject = std::function<Subject()>;

Subject unet(bool scale_shift) {
  UNetConfig config;
  config.image_size = 8;
  config.model_channels = 16;
  config.num_head_channels = 16;
  config.norm_groups = 4;
  config.attention_resolutions = {2};
  config.use_scale_shift_norm = scale_shift;
  config.cond_dim = 3;
  Subject subject{std::make_unique<UNet>(config), normal({4, 3, 8, 8}, 1), Condition(at::zeros({4, 3}))};
  subject.condition.vector.select(1, 1).fill_(1);
  return subject;
}

Subject text_to_image() {
  const ClipTokenizer tokenizer = test::small_tokenizer();
  TextToImageConfig config = test::small_text_to_image_config(tokenizer);
  config.unet["block_out_channels"] = {16, 32};
  config.unet["cross_attention_dim"] = 16;
  config.text_encoder["hidden_size"] = 16;
  auto model = std::make_unique<TextToImage>(config, tokenizer);
  Subject subject{nullptr, normal({3, 3, 8, 8}, 1), {}};
  model->parameters().materialise(5);
  subject.condition.text = model->ids({"a red cat", "a bat", "a blue cat"});
  subject.network = std::move(model);
  return subject;
}

const std::vector<std::pair<const char*, MakeSubject>> subjects = {
    {"a UNet of ADM", [] { return unet(true); }},
    {"one that adds its embedding", [] { return unet(false); }},
    {"a text-to-image model", text_to_image}};

struct Trained {
  std::vector<double> losses;
  at::Tensor first_gradient, weights;
};

Trained trained(const MakeSubject& make, Operators operators, int steps) {
  std::optional<ComposedGradients> composed;
  if (operators == Operators::composed) composed.emplace();
  const Subject subject = make();
  Parameters& parameters = subject.network->parameters();
  parameters.materialise(5);
  // No layer starts at zero, which would hide the gradients of those before it.
  for (const Parameter& parameter : parameters.all())
    if (parameter.initial == Initial::zeros) parameter.value.copy_(0.05 * normal(parameter.shape, 6));
  FlatAdamW optimiser(parameters, WeightAverage::none);
  const at::Tensor noise = normal(subject.images.sizes(), 2);
  Trained result;
  for (int i = 0; i < steps; ++i) {
    optimiser.zero_gradients();
    const at::Tensor timesteps = test::indices({10, 400, 700, 990}).narrow(0, 0, subject.images.size(0)),
                     predicted =
                         subject.network->predict_in_training(subject.images + noise, timesteps, subject.condition, 0),
                     loss = (predicted - noise).square().mean();
    loss.backward();
    result.losses.push_back(loss.item<double>());
    if (i == 0) result.first_gradient = parameters.flat_gradient().clone();
    AdamWStep step;
    step.step = i + 1;
    optimiser.step(step);
  }
  result.weights = parameters.flat().clone();
  return result;
}

TEST(OwnGradients, AreThoseOfLibTorchsOperators) {
  for (const auto& subject : subjects) {
    const at::Tensor own = trained(subject.second, Operators::own, 1).first_gradient,
                     composed = trained(subject.second, Operators::composed, 1).first_gradient;
    const double distance = (own - composed).norm().item<double>();
    EXPECT_GT(distance, 0) << subject.first << " has none of our operators";
    EXPECT_LT(distance, 3e-6 * composed.norm().item<double>()) << subject.first;
  }
}

TEST(OwnGradients, LeadToTheSameLosses) {
  for (const auto& subject : subjects) {
    const std::vector<double> own = trained(subject.second, Operators::own, 20).losses,
                              composed = trained(subject.second, Operators::composed, 20).losses;
    EXPECT_LT(own.back(), 0.9 * own.front()) << subject.first;
    for (std::size_t i = 0; i < own.size(); ++i)
      EXPECT_NEAR(own[i], composed[i], 1e-5 * composed[i]) << subject.first << ", step " << i;
  }
}

TEST(OwnGradients, AreTakenForFloatsOnTheCpuWhereOneIsAskedFor) {
  const at::Tensor x = normal({2}, 1), weight = normal({2}, 2).set_requires_grad(true);
  EXPECT_TRUE(own_gradients(x, weight));
  EXPECT_TRUE(own_gradients(weight, x));
  EXPECT_FALSE(own_gradients(x, x));
  EXPECT_FALSE(own_gradients(x.to(at::kDouble), weight));
  EXPECT_FALSE(own_gradients(x, weight.detach().to(at::kHalf).set_requires_grad(true)));
  const at::NoGradGuard no_grad;
  EXPECT_FALSE(own_gradients(x, weight));
}

TEST(OwnGradients, AreLeftWhileComposedOnesAreAskedFor) {
  const at::Tensor weight = normal({2}, 2).set_requires_grad(true);
  {
    const ComposedGradients outer;
    const ComposedGradients inner;
    EXPECT_FALSE(own_gradients(weight, weight));
  }
  EXPECT_TRUE(own_gradients(weight, weight));
}

}  // namespace
}  // namespace assay
