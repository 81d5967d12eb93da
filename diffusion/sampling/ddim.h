#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/names.h"
#include "diffusion/process/noise_schedule.h"
#include "diffusion/sampling/sampler.h"

namespace assay {

/// Which published DDIM loop is followed.
///   sgdm  steps 1 + j floor(T/S); the last step goes to alpha_bar[0], not to 1; eps is kept after clipping x0
///         (its published sampler)
///   adm   guided-diffusion's "ddimS": steps 0, T/S, ...; the last step goes to alpha_bar = 1; eps is derived again
///         from the clipped x0
enum class DdimVariant { sgdm, adm };

inline constexpr Names<DdimVariant> ddim_variant_names = {{"sgdm", DdimVariant::sgdm}, {"adm", DdimVariant::adm}};

/// One step of a DDIM trajectory.
struct DdimStep {
  std::int64_t timestep;      // of the original process, what the network sees
  double alpha_bar;           // at this step
  double alpha_bar_previous;  // at the step it leads to
  double sigma;               // standard deviation of the noise added, eta times the DDPM posterior's
};

/// The steps in the order they are taken (noisiest first). Throws InputError unless 1 <= count <= T, unless an ADM list
/// has a constant stride, or when a step would fall outside the process (SGDM with count = T). `eta` in [0, 1].
std::vector<DdimStep> ddim_steps(const NoiseSchedule& schedule, DdimVariant variant, std::int64_t count, double eta);

/// The ancestral step of DDPM from time step t, with the posterior's own variance: DDIM at eta = 1 whose eps is derived
/// again from the clipped x0 (Song et al., arXiv:2010.02502, section 4.1). From t = 0 it goes to alpha_bar 1 without
/// noise. Throws InputError for t outside the schedule.
DdimStep ancestral_step(const NoiseSchedule& schedule, std::int64_t t);

struct DdimOptions {
  DdimVariant variant = DdimVariant::sgdm;
  std::int64_t steps = 250;
  double eta = 0.0;                 // 0 deterministic, 1 DDPM's noise; in [0, 1]
  bool clip = true;                 // x_0 to [-1, 1]
  double threshold_quantile = 1.0;  // below 1: dynamic thresholding instead of the clipping (SGDM's dtp)
  // What is done with the x_0 of every step in place of clipping and thresholding; empty: those two.
  std::function<at::Tensor(const at::Tensor&)> limit_x0 = {};
};

/// x after one step from the predicted noise `eps`, [B, C, H, W] float32. `noise` is read where step.sigma > 0.
at::Tensor ddim_step(const at::Tensor& x, const at::Tensor& eps, const DdimStep& step, const DdimOptions& options,
                     const at::Tensor& noise = {});
/// The same from branches of eps, mixed and stepped in one pass over memory where x_0 is clipped or left as it is.
at::Tensor ddim_step(const at::Tensor& x, const Branches& eps, const DdimStep& step, const DdimOptions& options,
                     const at::Tensor& noise = {});

/// DDIM (Song et al., arXiv:2010.02502) over a list of steps. A term of the score moves eps before x_0 is derived from
/// it and clipped; guided-diffusion's own DDIM (adm_sampler.h) clips first.
class DdimSampler : public Sampler {
 public:
  /// The steps of ddim_steps(). Throws InputError as that does.
  DdimSampler(const NoiseSchedule& schedule, DdimOptions options);
  /// Steps of the caller's, noisiest first; `options.steps` and `options.eta` are not read.
  DdimSampler(std::vector<DdimStep> steps, DdimOptions options)
      : steps_(std::move(steps)), options_(std::move(options)) {}

  at::Tensor sample(const Denoiser& denoiser, Guidance& guidance, at::Tensor x, const StepNoise& noise = {},
                    const StepObserver& observer = {}) const override;
  std::int64_t steps() const override { return static_cast<std::int64_t>(steps_.size()); }

 private:
  std::vector<DdimStep> steps_;
  DdimOptions options_;
};

}  // namespace assay
