#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "diffusion/denoiser.h"
#include "diffusion/guidance/guidance.h"

namespace assay {

/// Noise [B, C, H, W] of step i of a sampler (0 is the first taken); asked for only where the step adds noise.
using StepNoise = std::function<at::Tensor(std::int64_t step)>;

/// Sees x after step i.
using StepObserver = std::function<void(std::int64_t step, const at::Tensor& x)>;

/// A way from noise to images. A sampler knows its steps and nothing of what guides it, so that arms of a study may
/// differ in the guidance alone. It keeps nothing of a chain and may draw several at a time, each with a guidance of
/// its own.
class Sampler {
 public:
  virtual ~Sampler() = default;

  /// Images [B, C, H, W] from standard normal `x` of that shape (scaled inside where a sampler starts elsewhere), in
  /// its type and on its device; no gradients are recorded. Throws Error where a step adds noise and `noise` is empty,
  /// InputError where the sampler and the denoiser do not fit each other, and what they and the guidance throw.
  /// Between two steps it stops where the user interrupts.
  virtual at::Tensor sample(const Denoiser& denoiser, Guidance& guidance, at::Tensor x, const StepNoise& noise = {},
                            const StepObserver& observer = {}) const = 0;

  /// Steps of a chain. Each asks the guidance once; samplers that say so ask oftener.
  virtual std::int64_t steps() const = 0;
};

/// noise(step). Throws Error where there is none, with the name of the sampler.
at::Tensor noise_of_step(const StepNoise& noise, std::int64_t step, const char* sampler);

}  // namespace assay
