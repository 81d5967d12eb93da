#pragma once
#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace assay::test {

using Tensors = std::vector<at::Tensor>;

/// What a function gives for leaves of these values in `type`, and the gradient in each of a sum of its values that are
/// weighted by cosines, whose signs and sizes differ.
inline Tensors value_and_gradients(const Tensors& values, at::ScalarType type,
                                   const std::function<at::Tensor(const Tensors&)>& function) {
  Tensors leaves, results;
  leaves.reserve(values.size());
  results.reserve(values.size() + 1);
  for (const at::Tensor& value : values)
    leaves.push_back(value.defined() ? value.to(type).clone().set_requires_grad(true) : at::Tensor());
  const at::Tensor result = function(leaves);
  // The same numbers for either type.
  const at::Tensor weights = (1.7 * at::ones(result.sizes(), at::kDouble).flatten().cumsum(0))
                                 .cos()
                                 .view(result.sizes())
                                 .to(at::kFloat)
                                 .to(type);
  (result * weights).sum().backward();
  results.push_back(result.detach());
  for (const at::Tensor& leaf : leaves)
    if (leaf.defined()) results.push_back(leaf.grad());
  return results;
}

/// The largest of the distances of two lists of tensors, each as a share of the second's length.
inline double largest_distance(const Tensors& found, const Tensors& exact) {
  double most = found.size() == exact.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(found.size(), exact.size()); ++i)
    most = std::max(most, (found[i].to(at::kDouble) - exact[i]).norm().item<double>() / exact[i].norm().item<double>());
  return most;
}

}  // namespace assay::test
