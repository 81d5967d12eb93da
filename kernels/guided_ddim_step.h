#pragma once
#include <ATen/core/Tensor.h>

#include <optional>

namespace assay {

/// The scalars of one DDIM step, the same for the whole batch.
struct DdimCoefficients {
  double alpha_bar = 1.0;       // at the current step, in (0, 1]
  double alpha_bar_prev = 1.0;  // at the step gone to, in (0, 1]
  double sigma = 0.0;           // deviation of the added noise, at least 0; 0 is deterministic DDIM
  bool clip = true;             // clip the predicted x0 to [-1, 1]
  /// Recompute eps from the clipped x0, as guided-diffusion (ADM) does; Self-Guided Diffusion (its DDIM) does not.
  /// Needs alpha_bar < 1.
  bool rederive_eps = false;
};

/// One guided DDIM step (Song et al., arXiv:2010.02502, eq. 12) in one pass over memory:
///   eps = (1 - weight) eps_uncond + weight eps_cond           (imagen convention; exactly eps_uncond at weight 0,
///                                                              exactly eps_cond at weight 1)
///   x0 = (x - sqrt(1 - alpha_bar) eps) / sqrt(alpha_bar), clipped where asked, eps recomputed where asked
///   result = sqrt(alpha_bar_prev) x0 + sqrt(1 - alpha_bar_prev - sigma^2) eps + sigma noise
/// All tensors are float32 of one shape and device. Without `eps_cond` the step is unguided and `weight` is not read.
/// `noise` is needed where sigma > 0 and not read where sigma is 0. Each element's bits depend on that element alone.
/// NaN passes through. Throws c10::Error on differing shapes, types or devices and on coefficients out of range.
at::Tensor guided_ddim_step(const at::Tensor& x, const at::Tensor& eps_uncond,
                            const std::optional<at::Tensor>& eps_cond, double weight,
                            const DdimCoefficients& coefficients,
                            const std::optional<at::Tensor>& noise = std::nullopt);

}  // namespace assay
