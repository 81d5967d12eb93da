#pragma once
#include <string>

#include "diffusion/guidance/guidance.h"

namespace assay {

/// The two public conventions of the guidance weight w (SGDM's published code). All code here works in `imagen`.
///   imagen  eps = (1 - w) eps_uncond + w eps_cond       w = 0 unconditional, 1 conditional
///   cfg     eps = (1 + w) eps_cond - w eps_uncond       w = -1 unconditional, 0 conditional
/// Hence w_imagen = 1 + w_cfg. SGDM's code treats a `cfg` weight of exactly 0 and 1 as a shortcut to the
/// unconditional and the conditional branch; that jump is not followed.
enum class GuidanceConvention { imagen, cfg };

GuidanceConvention read_guidance_convention(const std::string& name);
/// Throws InputError when w is not finite.
double to_imagen(double w, GuidanceConvention convention);
inline double to_cfg(double w_imagen) { return w_imagen - 1.0; }

/// Classifier-free guidance (Ho, Salimans, arXiv:2207.12598) in the `imagen` convention above. A weight of 0 evaluates
/// the branch without the condition alone, 1 the one with it, any other weight both. Without a condition there is one
/// branch whatever the weight: an object made without arguments guides nothing.
class ClassifierFreeGuidance : public Guidance {
 public:
  /// `condition`: of every row, or undefined for none. Throws InputError when the weight is not finite.
  explicit ClassifierFreeGuidance(Condition condition = {}, double weight = 1.0);

  Branches predict(const Denoiser& denoiser, const SamplingPoint& point) const override;
  Evaluations evaluations() const override;

 private:
  bool needs_with() const { return condition_.defined() && weight_ != 0.0; }
  bool needs_without() const { return !needs_with() || weight_ != 1.0; }

  Condition condition_;
  double weight_;
};

}  // namespace assay
