#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "diffusion/sampling/sampler.h"

namespace assay {

/// The variance-preserving diffusion in continuous time, dx = -beta(t) x / 2 dt + sqrt(beta(t)) dw for t in [0, 1] with
/// beta linear in t (Song et al., arXiv:2011.13456).
struct VpSde {
  double beta_0 = 0.1, beta_1 = 20.0;

  double beta(double t) const { return beta_0 + t * (beta_1 - beta_0); }
  /// The share of x_0 in the power of x_t, exp of minus the integral of beta from 0 to t.
  double alpha_bar(double t) const;
};

/// The times of U-ViT's sampler (sde.py) for S steps, S + 1 numbers from 0 up: 0, then S even ones from `earliest` to
/// 1, as float32 as there. Throws InputError below 2 steps, and unless 0 < earliest < 1.
std::vector<float> euler_maruyama_times(std::int64_t steps, double earliest = 1e-3);

/// A network's eps at x [B, C, H, W] and time t [B] in (0, 1].
using ContinuousEps = std::function<at::Tensor(const at::Tensor& x, const at::Tensor& t)>;

/// The reverse diffusion from standard normal x [B, C, H, W] at time 1 to time 0, by Euler-Maruyama from the largest of
/// `times` (euler_maruyama_times) down: with h between two times,
///   x <- x + h beta(t) (x / 2 + score(x, t)) + sqrt(h beta(t)) z,   score = -eps / sqrt(1 - alpha_bar(t)),
/// without z in the last step. `noise(i)` is z of step i, counted from the first taken.
at::Tensor euler_maruyama(const VpSde& sde, const ContinuousEps& eps, at::Tensor x, const std::vector<float>& times,
                          const StepNoise& noise, const StepObserver& observer = {});

/// U-ViT's own protocol for CIFAR10 and CelebA: 1000 steps of euler_maruyama(), the network told 999 t. Values are as
/// the images it was trained on, in [-1, 1] but for noise.
class EulerMaruyamaSampler : public Sampler {
 public:
  /// Throws InputError below 2 steps.
  explicit EulerMaruyamaSampler(std::int64_t steps = 1000) : times_(euler_maruyama_times(steps)) {}

  at::Tensor sample(const Denoiser& denoiser, Guidance& guidance, at::Tensor x, const StepNoise& noise = {},
                    const StepObserver& observer = {}) const override;
  std::int64_t steps() const override { return static_cast<std::int64_t>(times_.size()) - 1; }

 private:
  std::vector<float> times_;
};

}  // namespace assay
