#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "diffusion/denoiser.h"
#include "diffusion/noise_schedule.h"

namespace assay {

/// An exact denoiser: x0 given y ~ N(mu_y, s^2 I) with y uniform over C classes (the Gaussian-mixture test bed). Images
/// are [B, d, 1, 1]; a condition row is one-hot over the classes, or all zeros for none.
class GaussianMixture : public Denoiser {
 public:
  /// Means mu ~ N(0, I) [C, d] from RandomStream(seed, dataset). `deviation` is s > 0.
  GaussianMixture(const NoiseSchedule& schedule, std::int64_t classes, std::int64_t dimensions, double deviation,
                  std::uint64_t seed);

  /// eps = sqrt(1 - a) (x - sqrt(a) m) / (a s^2 + 1 - a) with a = alpha_bar_t and m the mean of the row's class, or the
  /// mean of all weighted by p(y | x_t).
  at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const override;
  std::int64_t condition_size() const override { return means_.size(0); }

  const at::Tensor& means() const { return means_; }
  double deviation() const { return deviation_; }
  /// The nearest mean of each row of x0 [B, d, 1, 1]: the Bayes classifier of clean samples.
  std::vector<std::int64_t> classify(const at::Tensor& x0) const;

 private:
  std::vector<double> alpha_bar_;
  at::Tensor means_;  // [C, d] double
  double deviation_;
};

}  // namespace assay
