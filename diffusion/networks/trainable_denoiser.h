#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "diffusion/condition.h"
#include "diffusion/denoiser.h"
#include "diffusion/networks/parameters.h"

namespace assay {

/// A network that train() fits.
class TrainableDenoiser : public Denoiser {
 public:
  /// predict() as in training: dropout is active and drawn from `dropout_seed`, and gradients are recorded.
  virtual at::Tensor predict_in_training(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition,
                                         std::uint64_t dropout_seed) const = 0;

  /// `condition` with the rows where `drop` [B] is true replaced by the null condition: vector and layout together.
  /// Throws InputError on a network that has none.
  virtual Condition drop_condition(const Condition& condition, const at::Tensor& drop) const = 0;

  virtual Parameters& parameters() = 0;
  virtual const Parameters& parameters() const = 0;
};

}  // namespace assay
