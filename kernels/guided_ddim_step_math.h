#pragma once
#include <algorithm>
#include <cmath>

#include "kernels/host_device.h"

namespace assay {

/// What the step multiplies with, worked out once in double on the host.
struct DdimStepFactors {
  float uncond, cond;         // 1 - w and w
  float x_to_x0, eps_to_x0;   // 1 / sqrt(a) and -sqrt(1 - a) / sqrt(a)
  float x_to_eps, x0_to_eps;  // 1 / sqrt(1 - a) and -sqrt(a) / sqrt(1 - a), read where eps is recomputed
  float x0, eps, noise;       // of the result
  bool clip, rederive;
};

// Every product that is added to something is written as fma: a compiler free to contract a*b + c may do so
// differently in a vector body and its tail, and the bits of an element would depend on where it stands.
ASSAY_HOST_DEVICE inline float guided_eps(float uncond, float cond, const DdimStepFactors& f) {
  return fmaf(f.cond, cond, f.uncond * uncond);
}

/// The new x, without the noise term.
ASSAY_HOST_DEVICE inline float ddim_value(float x, float eps, const DdimStepFactors& f) {
  float x0 = fmaf(f.eps_to_x0, eps, f.x_to_x0 * x);
  // Comparisons rather than fmin/fmax: those would turn NaN into a plausible pixel.
  if (f.clip) x0 = x0 < -1.0f ? -1.0f : (x0 > 1.0f ? 1.0f : x0);
  if (f.rederive) eps = fmaf(f.x0_to_eps, x0, f.x_to_eps * x);
  return fmaf(f.eps, eps, f.x0 * x0);
}

inline DdimStepFactors step_factors(double weight, double alpha_bar, double alpha_bar_prev, double sigma, bool clip,
                                    bool rederive_eps) {
  const double root = std::sqrt(alpha_bar), rest = std::sqrt(1.0 - alpha_bar);
  DdimStepFactors f{};
  f.uncond = static_cast<float>(1.0 - weight);
  f.cond = static_cast<float>(weight);
  f.x_to_x0 = static_cast<float>(1.0 / root);
  f.eps_to_x0 = static_cast<float>(-rest / root);
  if (rederive_eps) {
    f.x_to_eps = static_cast<float>(1.0 / rest);
    f.x0_to_eps = static_cast<float>(-root / rest);
  }
  f.x0 = static_cast<float>(std::sqrt(alpha_bar_prev));
  f.eps = static_cast<float>(std::sqrt(std::max(0.0, 1.0 - alpha_bar_prev - sigma * sigma)));
  f.noise = static_cast<float>(sigma);
  f.clip = clip;
  f.rederive = rederive_eps;
  return f;
}

}  // namespace assay
