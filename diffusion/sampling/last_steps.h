#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "diffusion/guidance/guidance.h"
#include "diffusion/sampling/diffusers/scheduler.h"
#include "diffusion/sampling/sampler.h"

namespace assay {

/// What a scheduler is given at a point by networks that are told `condition` [B, ...]: the guided prediction [B, C, H,
/// W]. Gradients are wanted for the condition.
using ConditionedPrediction = std::function<at::Tensor(const SamplingPoint& point, const at::Tensor& condition)>;

/// A scheduler's chain that is differentiated through its last calls of the network alone ("gradient skipping",
/// Schwartz et al., arXiv:2303.17155): the calls before them record nothing, so that x where the last ones begin is a
/// constant. Calls are counted as the scheduler makes them: PNDM of 30 steps makes 31, and the published code, which
/// records from index 29 on, differentiates two.
///
/// Memory: the last calls are evaluated without recording and once more in the backward pass, latest first, so that no
/// more is held than what one recorded call of the network keeps, and for each of them x, its prediction and what the
/// scheduler's arithmetic keeps of both: fewer than ten tensors of the size of x.
class LastStepsChain {
 public:
  /// `make` gives a scheduler for one chain, which takes `steps` steps; `differentiated`: the last calls through which
  /// gradients pass, all of them where there are fewer. Throws InputError for steps that the scheduler cannot take, and
  /// fewer than 1 differentiated.
  LastStepsChain(std::function<std::unique_ptr<Scheduler>()> make, std::int64_t steps, std::int64_t differentiated);

  /// Samples [B, C, H, W] from standard normal `x`, differentiable in `condition` where that requires it and gradients
  /// are recorded; the same bits otherwise. `predict` is kept for the backward pass. Throws as
  /// SchedulerSampler::sample().
  at::Tensor sample(const ConditionedPrediction& predict, const at::Tensor& condition, at::Tensor x,
                    const StepNoise& noise = {}) const;

  /// Calls of the network in a chain, and those of them that are differentiated.
  std::int64_t calls() const { return calls_; }
  std::int64_t differentiated() const { return differentiated_; }

 private:
  std::unique_ptr<Scheduler> ready() const;

  std::function<std::unique_ptr<Scheduler>()> make_;
  std::int64_t steps_, calls_, differentiated_;
};

}  // namespace assay
