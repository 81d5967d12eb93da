#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "diffusion/classifier.h"
#include "diffusion/denoiser.h"
#include "diffusion/process/noise_schedule.h"

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

  /// ln p(y | x_t) up to a constant of each row: -|x - sqrt(a) mu_y|^2 / (2 (a s^2 + 1 - a)), [B, C] double,
  /// differentiable in x.
  at::Tensor class_logits(const at::Tensor& x, const at::Tensor& timesteps) const;

  const at::Tensor& means() const { return means_; }
  double deviation() const { return deviation_; }
  /// The nearest mean of each row of x0 [B, d, 1, 1]: the Bayes classifier of clean samples.
  std::vector<std::int64_t> classify(const at::Tensor& x0) const;

 private:
  at::Tensor alpha_bar_at(const at::Tensor& timesteps) const;

  std::vector<double> alpha_bar_;
  at::Tensor means_;  // [C, d] double
  double deviation_;
};

/// The exact noisy classifier of a mixture, or one that is too timid or too sure of itself.
class MixtureClassifier : public Classifier {
 public:
  /// `tempering` tau > 0 multiplies the logits: 1 is exact. The mixture must outlive this object.
  explicit MixtureClassifier(const GaussianMixture& mixture, double tempering = 1.0);

  at::Tensor logits(const at::Tensor& x, const at::Tensor& timesteps) const override;
  std::int64_t classes() const override { return mixture_.means().size(0); }

 private:
  const GaussianMixture& mixture_;
  double tempering_;
};

}  // namespace assay
