#include "diffusion/training/flat_adamw.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>

#include "core/safetensors.h"
#include "diffusion/training/checkpoint.h"

namespace assay {
namespace {

constexpr const char* weights_prefix = "model.";
constexpr const char* average_prefix = "ema.";
constexpr const char* first_name = "optimizer.first";
constexpr const char* second_name = "optimizer.second";

}  // namespace

FlatAdamW::FlatAdamW(Parameters& parameters, WeightAverage average)
    : parameters_(parameters), first_(at::zeros_like(parameters.flat())), second_(at::zeros_like(parameters.flat())) {
  if (average == WeightAverage::ema) ema_ = parameters.flat().clone();
  parameters.require_gradients();
}

FlatAdamW::~FlatAdamW() {
  for (const Parameter& parameter : parameters_.all()) {
    parameter.value.set_requires_grad(false);
    parameter.value.mutable_grad() = at::Tensor();
  }
  parameters_.flat_gradient() = at::Tensor();
}

void FlatAdamW::zero_gradients() { parameters_.flat_gradient().zero_(); }

void FlatAdamW::step(const AdamWStep& step) {
  at::NoGradGuard no_grad;
  adamw_step(parameters_.flat(), parameters_.flat_gradient(), first_, second_, ema_, step);
}

void FlatAdamW::save_weights(SafetensorsWriter& writer) const {
  parameters_.save(writer, weights_prefix);
  if (ema_) parameters_.save(writer, average_prefix, *ema_);
}

void FlatAdamW::save_moments(SafetensorsWriter& writer) const {
  add_checkpoint_vector(writer, first_name, first_);
  add_checkpoint_vector(writer, second_name, second_);
}

void FlatAdamW::load(const SafetensorsFile& file) {
  if (ema_) {
    // Loading the average first leaves it in the flat buffer, from where it is copied out.
    parameters_.load_partly(file, average_prefix);
    ema_ = parameters_.flat().clone();
  }
  parameters_.load_partly(file, weights_prefix);
  first_ = checkpoint_vector(file, first_name, parameters_.flat());
  second_ = checkpoint_vector(file, second_name, parameters_.flat());
}

}  // namespace assay
