#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/error.h"
#include "diffusion/guidance/classifier_free.h"
#include "reproductions/maskdm/algorithm/drawing.h"
#include "reproductions/maskdm/algorithm/haar.h"
#include "reproductions/maskdm/algorithm/masked_loss.h"
#include "reproductions/maskdm/algorithm/masks.h"
#include "reproductions/maskdm/algorithm/process.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::maskdm {
namespace {

using test::indices;
using test::message_of;
using test::normal;
using test::values;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = MaskOptions::Kind;

MaskOptions mask(Kind kind, double rate, std::int64_t block = 1, std::int64_t crop = 1) {
  MaskOptions o;
  o.kind = kind;
  o.rate = rate;
  o.block = block;
  o.crop = crop;
  return o;
}

TEST(Masks, ShowAsManyPatchesAsThePublishedGenerators) {
  // guidance: masking-segmentation-tokens.md 1.5, from the official code's truncations.
  EXPECT_EQ(visible_count(mask(Kind::patch, 0.1), 16), 231);
  EXPECT_EQ(visible_count(mask(Kind::patch, 0.5), 16), 128);
  EXPECT_EQ(visible_count(mask(Kind::patch, 0.9), 16), 26);
  EXPECT_EQ(visible_count(mask(Kind::block, 0.1, 2), 16), 232);
  EXPECT_EQ(visible_count(mask(Kind::block, 0.9, 2), 16), 28);
  EXPECT_EQ(visible_count(mask(Kind::block, 0.1, 4), 16), 240);
  EXPECT_EQ(visible_count(mask(Kind::block, 0.9, 4), 16), 32);
  EXPECT_EQ(visible_count(mask(Kind::block, 0.5, 8), 16), 128);
  EXPECT_EQ(visible_count(mask(Kind::crop, 0, 1, 15), 16), 225);
  EXPECT_EQ(visible_count(mask(Kind::crop, 0, 1, 5), 16), 25);
  EXPECT_EQ(visible_count(mask(Kind::block, 0.9, 4), 64), 416);
  EXPECT_EQ(visible_count(mask(Kind::block, 0.5, 4), 64), 2048);
  EXPECT_EQ(visible_count(mask(Kind::none, 0.9), 16), 256);
}

TEST(Masks, DrawWholeBlocksAndOneWindow) {
  for (std::uint64_t i = 0; i < 20; ++i) {
    RandomStream random(7, Purpose::training, i);
    const auto blocks = draw_visible(mask(Kind::block, 0.75, 2), 8, random);
    ASSERT_EQ(blocks.size(), 16U);
    std::set<std::int64_t> seen(blocks.begin(), blocks.end());
    for (const std::int64_t p : blocks)
      EXPECT_TRUE(seen.contains(p / 16 * 16 + p % 8 / 2 * 2) && seen.contains(p / 16 * 16 + 8 + p % 8 / 2 * 2 + 1))
          << p;
    const auto crop = draw_visible(mask(Kind::crop, 0, 1, 3), 8, random);
    ASSERT_EQ(crop.size(), 9U);
    EXPECT_LE(crop.front() % 8, 5);
    EXPECT_LE(crop.front() / 8, 5);
    for (std::int64_t k = 0; k < 9; ++k) EXPECT_EQ(crop[static_cast<std::size_t>(k)], crop[0] + k / 3 * 8 + k % 3);
    const auto patches = draw_visible(mask(Kind::patch, 0.9), 8, random);
    EXPECT_EQ(std::set<std::int64_t>(patches.begin(), patches.end()).size(), 7U);
  }
}

TEST(Masks, EveryPatchIsSeenAboutEquallyOften) {
  std::vector<int> seen(16, 0);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    RandomStream random(3, Purpose::training, i);
    for (const std::int64_t p : draw_visible(mask(Kind::patch, 0.5), 4, random)) ++seen[static_cast<std::size_t>(p)];
  }
  for (const int count : seen) EXPECT_NEAR(count, 1000, 5 * 23);  // five deviations of a binomial
}

TEST(Masks, RefusesWhatLeavesNothingOrDoesNotFit) {
  const auto refused = [](const nlohmann::json& object) {
    return message_of<InputError>([&] { read_mask_options(object, "mask", 8); });
  };
  EXPECT_THAT(refused({{"kind", "patch"}, {"rate", 1.0}}), HasSubstr("leaves nothing of 8 x 8"));
  EXPECT_THAT(refused({{"kind", "block"}, {"rate", 1.0}, {"block", 4}}), HasSubstr("leaves nothing"));
  EXPECT_THAT(refused({{"kind", "block"}, {"rate", 0.5}, {"block", 3}}), HasSubstr("3 does not divide the grid of 8"));
  EXPECT_THAT(refused({{"kind", "crop"}, {"crop", 9}}), HasSubstr("accepted: 1 to 8"));
  EXPECT_THAT(refused({{"kind", "patches"}}), HasSubstr("did you mean 'patch'?"));
  EXPECT_THAT(message_of<InputError>([] {
                visible_of_masks(values({0, 1, 0, 0}, {2, 2}));
              }),
              HasSubstr("1 to 2 patches"));
  EXPECT_THAT(message_of<InputError>([] {
                visible_of_masks(values({1, 1}, {1, 2}));
              }),
              HasSubstr("nothing is visible"));
  const at::Tensor visible = visible_of_masks(indices({1, 0, 0, 0, 1, 0}).view({2, 3}));
  EXPECT_TRUE(test::same_bits(visible, indices({1, 2, 0, 2}).view({2, 2})));
}

TEST(MaskedLoss, IsThePlainMeanOverVisibleValues) {
  MaskUVitConfig config;
  config.img_size = 8;
  config.patch_size = 2;
  config.embed_dim = 16;
  config.depth = 2;
  config.num_heads = 2;
  MaskUVit network(config);
  network.parameters().materialise(1);
  const Process process("cosine");
  const at::Tensor x = normal({2, 3, 8, 8}, 1).clamp(-1, 1), noise = normal({2, 3, 8, 8}, 2), t = indices({3, 800});
  const at::Tensor visible = indices({0, 5, 2, 7}).view({2, 2});
  const MaskedLoss found = masked_loss(network, process, x, t, noise, visible);
  double sum = 0;
  for (std::int64_t row = 0; row < 2; ++row)
    for (std::int64_t v = 0; v < 2; ++v) {
      const std::int64_t patch = visible[row][v].item<std::int64_t>();
      for (std::int64_t k = 0; k < 12; ++k) {
        const double wanted = noise[row][k % 3][patch / 4 * 2 + k / 6][patch % 4 * 2 + k / 3 % 2].item<double>();
        sum += std::pow(found.output.front()[row][v][k].item<double>() - wanted, 2);
      }
    }
  EXPECT_NEAR(found.loss.item<double>(), sum / 48, 1e-6);
  // Nothing hidden: DDPM's simple loss on the image.
  const at::Tensor plain = (network.forward(found.x_t, t) - noise).square().mean();
  EXPECT_NEAR(masked_loss(network, process, x, t, noise, {}).loss.item<double>(), plain.item<double>(), 1e-6);
}

MaskUVitConfig wavelet() {
  MaskUVitConfig config;
  config.img_size = 8;
  config.patch_size = 2;
  config.in_chans = 12;
  config.data_chans = 3;
  config.embed_dim = 16;
  config.depth = 2;
  config.num_heads = 2;
  return config;
}

TEST(MaskedLoss, OfWaveletsIsTheMeanOverTheApproximationPlusThatOverTheDetails) {
  MaskUVit network(wavelet());
  network.parameters().materialise(1);
  const Process process("cosine");
  const at::Tensor x = normal({2, 12, 8, 8}, 1), noise = normal({2, 12, 8, 8}, 2), t = indices({3, 800});
  const auto error = [&](const at::Tensor& x_t) { return (network.forward(x_t, t) - noise).square(); };
  const MaskedLoss found = masked_loss(network, process, x, t, noise, {});
  const at::Tensor squares = error(found.x_t);
  EXPECT_NEAR(found.loss.item<double>(),
              squares.narrow(1, 0, 3).mean().item<double>() + squares.narrow(1, 3, 9).mean().item<double>(), 1e-5);
}

TEST(Haar, BandsAreTheOrthonormalOnesOfTheImageInZeroToOne) {
  // One 2 x 2 square a b / c d of pixels in [0, 1] a channel; pywt.dwt2 gives (a + b + c + d) / 2 and the details.
  MaskUVitConfig config = wavelet();
  config.img_size = 1;
  config.patch_size = 1;
  const at::Tensor image = values({0.1F, 0.4F, 0.2F, 0.9F, 1, 1, 1, 1, 0, 1, 0, 0}, {1, 3, 2, 2}) * 2 - 1;
  const at::Tensor bands = network_input(config, image);
  EXPECT_LT(test::max_abs_difference(bands.flatten(), values({2 * 0.8F - 1, 3, 0,  // approximation, 2 a - 1
                                                              -0.3F, 0, 0.5F,      // upper less lower row
                                                              -0.5F, 0, -0.5F,     // left less right column
                                                              0.2F, 0, -0.5F})),
            1e-6);
  EXPECT_LT(test::max_abs_difference(image_of_input(config, bands) * 2 - 1, image), 1e-6);
}

TEST(Haar, LeadsBackToTheImage) {
  const at::Tensor image = normal({2, 3, 16, 16}, 1).clamp(-1, 1);
  const at::Tensor bands = network_input(wavelet(), image);
  EXPECT_EQ(bands.sizes(), (std::vector<std::int64_t>{2, 12, 8, 8}));
  EXPECT_LT(test::max_abs_difference(image_of_input(wavelet(), bands) * 2 - 1, image), 1e-6);
  // No image lies where clipping would change its bands.
  EXPECT_TRUE(test::same_bits(clip_input(wavelet(), bands), bands));
  const at::Tensor far = clip_input(wavelet(), 9 * (2 * bands.gt(0).to(at::kFloat) - 1));
  EXPECT_EQ(far.narrow(1, 0, 3).max().item<float>(), 3);
  EXPECT_EQ(far.narrow(1, 3, 9).max().item<float>(), 1);
  EXPECT_EQ(far.min().item<float>(), -1);
}

TEST(Drawing, ImagesDoNotDependOnHowManyAreDrawnAndHaveTheSideOfTheData) {
  MaskUVit network(wavelet());
  network.parameters().materialise(1);
  const Process process("cosine");
  const auto drawn = [&](std::int64_t rows, std::int64_t first, std::int64_t count) {
    return draw_images(network, process, {{rows}, 3, 1.0}, first, count, 7, [](std::int64_t) {});
  };
  const at::Tensor whole = drawn(2, 0, 5);
  EXPECT_EQ(whole.sizes(), (std::vector<std::int64_t>{5, 3, 16, 16}));
  EXPECT_TRUE(test::same_bits(drawn(2, 0, 3), whole.narrow(0, 0, 3)));
  EXPECT_TRUE(test::same_bits(drawn(1, 3, 2), drawn(1, 0, 5).narrow(0, 3, 2)));
  EXPECT_LE(test::max_abs_difference(drawn(5, 0, 5), whole), 1);
  EXPECT_GT(test::max_abs_difference(whole[0], whole[1]), 10);
}

TEST(Process, SamplesAtThePublishedTimes) {
  const Process process("cosine");
  EXPECT_THAT(process.ddim_times(5), ElementsAre(999, 799, 599, 399, 199, -1));
  const auto times = process.ddim_times(250);
  EXPECT_THAT(std::vector<std::int64_t>(times.end() - 3, times.end()), ElementsAre(7, 3, -1));
  EXPECT_EQ(times.size(), 251U);
  EXPECT_THROW(process.ddim_times(1001), InputError);
}

TEST(Process, StaysFiniteWhereThePublishedSamplerGivesNaN) {
  // eta 1, the cosine schedule and very few steps.
  const Process process("cosine");
  class Same : public Denoiser {
   public:
    at::Tensor predict(const at::Tensor& x, const at::Tensor&, const Condition&) const override { return x; }
    std::int64_t condition_size() const override { return 0; }
  };
  ClassifierFreeGuidance unguided;
  const at::Tensor image = process.ddim_sampler(2, 1.0, [](const at::Tensor& x_start) { return x_start.clamp(-1, 1); })
                               .sample(Same(), unguided, normal({1, 1, 2, 2}, 1), [](std::int64_t i) {
                                 return normal({1, 1, 2, 2}, 10 + static_cast<std::uint64_t>(i));
                               });
  EXPECT_TRUE(image.isfinite().all().item<bool>());
}

TEST(Process, FindsTheNoiseAgainInWhatEveryObjectiveAsksFor) {
  const Process process("cosine");
  const at::Tensor x0 = normal({3, 3, 4, 4}, 1).clamp(-1, 1), noise = normal({3, 3, 4, 4}, 2);
  const at::Tensor t = indices({40, 400, 900}), x = process.q_sample(x0, t, noise);
  const auto as_it_is = [](const at::Tensor& x_start) { return x_start; };
  for (const auto& [name, objective] : objective_names) {
    const at::Tensor output = process.target(objective, x0, t, noise);
    EXPECT_TRUE(process.predicted_noise(objective, output, x, t, as_it_is).allclose(noise, 1e-4, 1e-4)) << name;
  }
  EXPECT_TRUE(test::same_bits(process.target(Objective::pred_x0, x0, t, noise), x0));
}

// The noise is derived from the x_0 that is kept, unlike that of a network that predicts noise.
TEST(Process, NoiseFollowsTheClippedImageWhereTheNetworkDoesNotPredictNoise) {
  const Process process("linear");
  const at::Tensor x = normal({1, 1, 2, 2}, 3), t = indices({500}), far = at::full({1, 1, 2, 2}, 3.0);
  const auto clip = [](const at::Tensor& x_start) { return x_start.clamp(-1, 1); };
  const double a = process.schedule().alpha_bar[500];
  const at::Tensor wanted = (x - std::sqrt(a)) / std::sqrt(1 - a);
  EXPECT_TRUE(process.predicted_noise(Objective::pred_x0, far, x, t, clip).allclose(wanted, 1e-5, 1e-5));
  EXPECT_TRUE(test::same_bits(process.predicted_noise(Objective::pred_noise, far, x, t, clip), far));
}

// numpy: a = cos((arange(1001) / 1000 + 0.008) / 1.008 * pi / 2) ** 2; a = sigmoid(log((64 / 256)**2 * a / (1 - a)));
// betas = clip(1 - a[1:] / a[:-1], 0, 0.999); cumprod(1 - betas)
TEST(Process, ShiftsTheCosineToLargerImages) {
  const std::vector<double> alpha_bar = Process("cosine", 1000, 256).schedule().alpha_bar;
  EXPECT_NEAR(alpha_bar[0], 0.99934139548515, 1e-12);
  EXPECT_NEAR(alpha_bar[100], 0.6816606094907699, 1e-12);
  EXPECT_NEAR(alpha_bar[500], 0.05726357202138984, 1e-12);
  EXPECT_NEAR(alpha_bar[900], 0.0015129389885940238, 1e-12);
  EXPECT_NEAR(alpha_bar[999], 1.521521395520989e-10, 1e-15);
  const std::vector<double> unshifted = Process("cosine", 1000, 64).schedule().alpha_bar;
  EXPECT_NEAR(unshifted[500], Process("cosine").schedule().alpha_bar[500], 1e-12);
  EXPECT_THAT(message_of<InputError>([] { Process("linear", 1000, 64); }), HasSubstr("accepted: of 'cosine'"));
}

TEST(MaskedLoss, WeighsTheMeanOfEachImage) {
  MaskUVit network(wavelet());
  network.parameters().materialise(1);
  const Process process("cosine");
  const at::Tensor x = normal({2, 12, 8, 8}, 1), noise = normal({2, 12, 8, 8}, 2), t = indices({3, 800});
  const auto loss = [&](const at::Tensor& weight) {
    return masked_loss(network, process, x, t, noise, {}, {}, Objective::pred_noise, Loss::l2, weight)
        .loss.item<double>();
  };
  EXPECT_NEAR(loss(values({1, 1})), loss({}), 1e-6);
  EXPECT_NEAR(loss(values({3, 0})) / 3 + loss(values({0, 5})) / 5, loss({}), 1e-6);
}

}  // namespace
}  // namespace assay::maskdm
