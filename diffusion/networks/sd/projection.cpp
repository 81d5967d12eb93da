#include "diffusion/networks/sd/projection.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linear.h>

#include "kernels/training/linear.h"
#include "kernels/training/own_gradients.h"

namespace assay {

namespace {

const Parameter* declared(Parameters& parameters, Parameter parameter, const std::string& older_name,
                          const char* ending) {
  if (!older_name.empty()) parameter.older_name = older_name + ending;
  return parameters.declare(std::move(parameter));
}

}  // namespace

Projection::Projection(Parameters& p, const std::string& name, std::int64_t in, std::int64_t out, bool bias, Kept kept,
                       const std::string& older_name)
    : weight_(declared(
          p,
          {name + ".weight",
           kept == Kept::as_matrix ? std::vector<std::int64_t>{out, in} : std::vector<std::int64_t>{out, in, 1, 1},
           Initial::uniform_fan_in,
           in,
           true,
           {WeightUse::Kind::linear}},
          older_name, ".weight")),
      bias_(bias ? declared(p, {name + ".bias", {out}, Initial::uniform_fan_in, in}, older_name, ".bias") : nullptr) {}

at::Tensor Projection::operator()(const at::Tensor& x) const {
  const at::Tensor bias = bias_ ? bias_->value : at::Tensor();
  if (is_packed(weight_->value)) return packed_linear(x, weight_->value, bias);
  const at::Tensor weight = weight_->value.view({weight_->shape[0], weight_->shape[1]});
  if (own_gradients(x, weight) && row_product_takes(weight)) return row_product(x, weight, bias);
  return bias_ ? at::linear(x, weight, bias) : at::linear(x, weight);
}

at::Tensor Projection::plus(const at::Tensor& x, const at::Tensor& other) const {
  const at::Tensor bias = bias_ ? bias_->value : at::Tensor();
  if (is_packed(weight_->value)) return packed_linear_plus(x, weight_->value, bias, other);
  const at::Tensor weight = weight_->value.view({weight_->shape[0], weight_->shape[1]});
  if (own_gradients(x, weight) && row_product_takes(weight)) return row_product(x, weight, bias, other);
  return other + (*this)(x);
}

void Projection::count(CostWalk& walk, std::int64_t rows) const {
  walk.multiply(rows, weight_->shape[1], weight_->shape[0]);
}

}  // namespace assay
