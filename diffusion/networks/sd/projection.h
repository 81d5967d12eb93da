#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "diffusion/networks/network_cost.h"
#include "diffusion/networks/parameters.h"

namespace assay {

/// A linear layer on the last axis whose weight a file may hold as a 1x1 convolution.
class Projection {
 public:
  /// How the weight is kept: [out, in], or [out, in, 1, 1].
  enum class Kept { as_matrix, as_convolution };
  /// Keys `name`.weight and, with a bias, `name`.bias. `older_name`: what files may have in the place of `name`.
  Projection(Parameters& parameters, const std::string& name, std::int64_t in, std::int64_t out, bool bias = true,
             Kept kept = Kept::as_matrix, const std::string& older_name = "");
  at::Tensor operator()(const at::Tensor& x) const;
  /// The same plus `other`, of the result's shape.
  at::Tensor plus(const at::Tensor& x, const at::Tensor& other) const;
  /// Whether its weight lies in panels, for float32 on the CPU without gradients.
  bool in_panels() const { return assay::in_panels(weight_->value); }
  /// Of `rows` vectors.
  void count(CostWalk& walk, std::int64_t rows) const;

 private:
  const Parameter *weight_, *bias_;
};

}  // namespace assay
