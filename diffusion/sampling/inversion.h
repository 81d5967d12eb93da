#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/names.h"
#include "diffusion/denoiser.h"
#include "diffusion/process/noise_schedule.h"
#include "diffusion/sampling/diffusers/scheduler.h"
#include "diffusion/sampling/sampler.h"

namespace assay {

/// Which published code the way from an image to noise follows.
///   diffusers         DDIMInverseScheduler: a step is told the time step of the noise level that it leads to, and the
///                     first one starts at alpha_bar[0] or 1. With trailing spacing and a count that does not divide T
///                     a step does not begin where the one before it ended, there as here
///   guided_diffusion  ddim_reverse_sample over "ddimS": a step is told the time step of the level at which x stands.
///                     The image stands at the first of the S levels and S - 1 steps lead to the last; the official
///                     table goes on to alpha_bar 0, where x is the predicted noise alone, which is left out since
///                     nothing leads back from there, and so is DDIM's step from the first level to alpha_bar 1
enum class InversionConvention { diffusers, guided_diffusion };

inline constexpr Names<InversionConvention> inversion_convention_names = {
    {"diffusers", InversionConvention::diffusers}, {"guided_diffusion", InversionConvention::guided_diffusion}};

struct InversionOptions {
  InversionConvention convention = InversionConvention::diffusers;
  std::int64_t steps = 50;
  // Of the convention `diffusers`, as its scheduler has them. Stable Diffusion's files say an offset of 1 and false.
  Spacing spacing = Spacing::leading;  // leading or trailing
  std::int64_t steps_offset = 0;
  bool set_alpha_to_one = true;
};

/// One step of an inversion, from an image towards noise.
struct InversionStep {
  std::int64_t timestep;       // of the original process, what the network is told
  std::int64_t timestep_back;  // the same on the way back: always that of the noisier level
  double alpha_bar;            // of the level at which x stands, 1 or below
  double alpha_bar_next;       // of the level that the step leads to
};

/// DDIM inversion (Song et al., arXiv:2010.02502, section 4.3): the noise from which DDIM draws an image, along the
/// same noise levels as DDIM takes back. Both ways evaluate
///   x0 = (x - sqrt(1 - a) eps) / sqrt(a),   x' = sqrt(a') x0 + sqrt(1 - a') eps
/// with eps told a condition and no other guidance: a weight above 1 does not invert. Nothing is clipped. The two ways
/// agree up to the change of eps along a step, so reconstructions get better with more steps.
class Inversion {
 public:
  /// Throws InputError for steps that the process cannot give (fewer than 1; with `guided_diffusion` fewer than 2), and
  /// for linspace spacing.
  Inversion(const NoiseSchedule& schedule, const InversionOptions& options);

  /// From the least noisy level on.
  const std::vector<InversionStep>& steps() const { return steps_; }

  /// x_T [B, C, H, W] of clean images or latents `x` of that shape (of a model with an autoencoder
  /// SdVae::encode_mean()), in its type and on its device; no gradients are recorded. The undefined condition is the
  /// null condition, of a text-to-image model the empty prompt. `observer` sees x after each step. Throws InputError
  /// for a network that predicts x0 where the first level has alpha_bar 1, and what the denoiser throws. Between two
  /// steps it stops where the user interrupts. With fewer `predictions` than steps it stops after these, on the way to
  /// noise.
  at::Tensor invert(const Denoiser& denoiser, const Condition& condition, at::Tensor x,
                    const StepObserver& observer = {},
                    std::int64_t predictions = std::numeric_limits<std::int64_t>::max()) const;
  /// The way back, the DDIM that matches: x at the level where invert() began, from x_T.
  at::Tensor sample(const Denoiser& denoiser, const Condition& condition, at::Tensor x,
                    const StepObserver& observer = {}) const;

 private:
  std::vector<InversionStep> steps_;
};

/// The inversion of a model from its scheduler_config.json, whatever the class: schedule, `timestep_spacing`,
/// `steps_offset` and `set_alpha_to_one`; `guided_diffusion` takes the schedule alone. Throws InputError as
/// scheduler_of_config() and the constructor.
Inversion inversion_of_config(const nlohmann::json& config, const std::string& where, InversionConvention convention,
                              std::int64_t steps);

}  // namespace assay
