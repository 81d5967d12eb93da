#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "diffusion/process/noise_schedule.h"

namespace assay {

/// The forward process as the diffusers library (0.35) describes it. Its names differ from make_noise_schedule's:
///   linear             beta linear between the ends, not scaled by the number of steps
///   scaled_linear      sqrt(beta) linear between the roots of the ends (latent diffusion)
///   squaredcos_cap_v2  beta from the ratio of a squared cosine, at most 0.999 (make_noise_schedule's "cosine")
struct BetaScheduleOptions {
  std::int64_t num_train_timesteps = 1000;
  double beta_start = 1e-4, beta_end = 0.02;
  std::string beta_schedule = "linear";
  std::vector<double> trained_betas;    // where not empty, the betas themselves
  bool rescale_betas_zero_snr = false;  // shift and scale sqrt(alpha_bar) so that the last is 0 (arXiv:2305.08891)
};

/// The table, rounded to float32 where diffusers rounds: the whole time steps that diffusers looks up by rounding, and
/// ratios of neighbouring entries, depend on that. With the rescaling the last alpha_bar is 0.
/// Throws InputError for an unknown name, T < 1 and betas outside (0, 1).
NoiseSchedule make_beta_schedule(const BetaScheduleOptions& options);

}  // namespace assay
