#pragma once
#include "diffusion/guidance/guidance.h"

namespace assay {

/// Classifier-free guidance between two texts, as text-to-image pipelines do it: away from the negative prompt (most
/// often the empty one) and towards the prompt, (1 - w) negative + w prompt. Both branches are one batch of the
/// denoiser, the negative one first. A weight of 1 evaluates the prompt alone, 0 the negative prompt alone.
class PromptGuidance : public Guidance {
 public:
  /// Both conditions are of every row and have the same parts. Throws InputError where they differ in them or in their
  /// shapes, and for a weight that is not finite.
  PromptGuidance(Condition prompt, Condition negative, double weight);

  Branches predict(const Denoiser& denoiser, const SamplingPoint& point) const override;

 private:
  Condition prompt_, negative_, both_;
  double weight_;
};

}  // namespace assay
