#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "diffusion/networks/network_cost.h"
#include "diffusion/networks/parameters.h"
#include "diffusion/networks/sd/projection.h"

namespace assay {

/// W2 (a * gelu(g)) + b2, where [a, g] = W1 x + b1 have four times the width of x each; keys `name`.net.0.proj and
/// `name`.net.2.
class GatedFeedForward {
 public:
  GatedFeedForward(Parameters& parameters, const std::string& name, std::int64_t width);
  /// Plus `residual`: [B, T, width] from x and residual of that shape.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& residual) const;
  void count(CostWalk& walk, std::int64_t rows) const;

 private:
  Projection gated_, out_;
};

}  // namespace assay
