#pragma once
#include <cstdint>
#include <vector>

#include "diffusion/guidance/classifier_guidance.h"
#include "diffusion/guidance/guidance_trace.h"

namespace assay::ed_dpm {

/// The Gaussian-mixture world on which the mechanisms of ED-DPM are exact: x0 | y ~ N(mu_y, s^2 I), mu_y ~ N(0, I), y
/// uniform, ADM's linear schedule. The defaults are those of its published reference run.
struct OracleWorld {
  std::int64_t classes = 10;
  std::int64_t dimensions = 8;
  double deviation = 0.35;
  std::int64_t noised_samples = 200;  // at each time step of the table
  std::int64_t slope_samples = 400;   // whose 1 - p_y lies in [1e-8, 1e-3]
  std::int64_t slope_timestep = 200;
  std::int64_t drawn_samples = 150;  // by the sampler, in each arm
  std::int64_t sampler_steps = 250;  // DDPM
  double entropy_floor = 1e-6;
};

/// Least-squares line through the logarithms of a gradient norm and of 1 - p_y.
struct LogLogSlope {
  double slope;
  std::int64_t points;
  double least_doubt, most_doubt;  // of the points' 1 - p_y
};

/// Samples drawn with one strength of guidance.
struct OracleArm {
  double gamma;
  bool entropy_scaling;
  double accuracy;     // share whose nearest mean is that of their class
  double mean_square;  // |x - mu_y|^2 / d, mean; s^2 for exact samples of p(x | y)
  GuidanceEvents events;
  std::vector<GuidanceTrace::Row> trajectory;  // along sampling, a row for each step
};

struct OracleFindings {
  std::vector<GuidanceTrace::Row> noised;  // real samples noised to t = 960, 800, ..., 0 (guidance.md 4.1's steps)
  LogLogSlope gradient_slope;              // of |g|: 1 where the gradient vanishes with 1 - p_y
  LogLogSlope scaled_slope;                // of k |g|: near 0 where EDS restores it
  std::vector<OracleArm> arms;             // gamma 0, .3 and 1 without EDS, then gamma 0 and .3 with it
};

/// Everything in float64. `seed` names the means, the samples and the noise; arms share them. Takes a few seconds.
/// Throws InputError for sizes below 1.
OracleFindings measure_oracle(std::uint64_t seed, const OracleWorld& world = {});

/// The arm, or Error where there is none.
const OracleArm& arm(const OracleFindings& findings, double gamma, bool entropy_scaling);

}  // namespace assay::ed_dpm
