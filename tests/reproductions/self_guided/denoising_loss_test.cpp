#include "reproductions/self_guided/algorithm/denoising_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/philox.h"
#include "diffusion/networks/gaussian_mixture.h"

namespace assay::self_guided {
namespace {

constexpr std::int64_t classes = 5, dimensions = 8, count = 1500, steps = 6;
constexpr double deviation = 0.5;
constexpr std::uint64_t seed = 3;

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Draws of a mixture whose noise prediction is exact, with their classes as one-hot rows.
struct World {
  NoiseSchedule schedule = make_noise_schedule("sqrt-linear", 1000);
  GaussianMixture denoiser{schedule, classes, dimensions, deviation, 1};
  at::Tensor images = at::empty({count, dimensions, 1, 1}, at::kFloat);
  at::Tensor own = at::zeros({count, classes}, at::kFloat), other = at::zeros({count, classes}, at::kFloat);

  World() {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t y = i % classes;
      RandomStream random(9, Purpose::dataset, static_cast<std::uint64_t>(i));
      for (std::int64_t k = 0; k < dimensions; ++k)
        images.mutable_data_ptr<float>()[i * dimensions + k] = static_cast<float>(
            denoiser.means().const_data_ptr<double>()[y * dimensions + k] + deviation * random.normal());
      own.mutable_data_ptr<float>()[i * classes + y] = 1;
      other.mutable_data_ptr<float>()[i * classes + (y + 1) % classes] = 1;
    }
  }
};

TEST(DenoisingLoss, OfTheExactDenoiserIsThePosteriorVariance) {
  const World w;
  // eps given x_t and the class is Gaussian with variance a s^2 / (a s^2 + 1 - a) in each dimension.
  double expected = 0;
  for (std::int64_t j = 0; j < steps; ++j) {
    const double a = w.schedule.alpha_bar[static_cast<std::size_t>((2 * j + 1) * 1000 / (2 * steps))];
    expected += a * deviation * deviation / (a * deviation * deviation + 1 - a) / steps;
  }
  const auto loss = denoising_loss(w.denoiser, w.schedule, w.images, w.own, steps, seed);
  ASSERT_EQ(loss.size(), static_cast<std::size_t>(count));
  // Squares of 72,000 normals, each weighted by at most 1: the standard error is below 0.003.
  EXPECT_NEAR(mean(loss), expected, 0.012);
}

TEST(DenoisingLoss, RisesFromTheOwnClassToNoneToAnother) {
  const World w;
  const double own = mean(denoising_loss(w.denoiser, w.schedule, w.images, w.own, steps, seed));
  const double none = mean(denoising_loss(w.denoiser, w.schedule, w.images, {}, steps, seed));
  const double other = mean(denoising_loss(w.denoiser, w.schedule, w.images, w.other, steps, seed));
  EXPECT_LT(own, none);
  EXPECT_LT(none, other);
}

TEST(DenoisingLoss, OfAnImageDoesNotDependOnWhatFollowsIt) {
  const World w;
  const auto whole =
      denoising_loss(w.denoiser, w.schedule, w.images.narrow(0, 0, 150), w.own.narrow(0, 0, 150), 3, seed);
  const auto part = denoising_loss(w.denoiser, w.schedule, w.images.narrow(0, 0, 70), w.own.narrow(0, 0, 70), 3, seed);
  for (std::size_t i = 0; i < part.size(); ++i) EXPECT_NEAR(part[i], whole[i], 1e-6) << i;
}

/// Predicts no noise at all.
struct Silent : Denoiser {
  at::Tensor predict(const at::Tensor& x, const at::Tensor&, const Condition&) const override {
    return at::zeros_like(x);
  }
  std::int64_t condition_size() const override { return 0; }
};

TEST(DenoisingLoss, OfNoPredictionIsTheNoisePower) {
  const World w;
  const auto loss = denoising_loss(Silent{}, w.schedule, w.images, {}, steps, seed);
  EXPECT_NEAR(mean(loss), 1.0, 5 * std::sqrt(2.0 / (count * dimensions * steps)));
  EXPECT_NE(loss, denoising_loss(Silent{}, w.schedule, w.images, {}, steps, seed + 1));
}

}  // namespace
}  // namespace assay::self_guided
