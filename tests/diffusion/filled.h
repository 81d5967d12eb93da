#pragma once
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>

#include "diffusion/networks/parameters.h"
#include "tests/support/tensors.h"

namespace assay::test {

/// Weights of which none is zero and through which signals keep their size, frozen ones among them: gains near 1,
/// biases near 0, matrices scaled by their inputs. The official start would make many outputs exactly zero.
template <typename Network>
void fill(Network& network, std::uint64_t seed = 1) {
  network.parameters().materialise(seed);
  for (const Parameter& parameter : network.parameters().all()) {
    const at::Tensor n = normal(parameter.shape, ++seed);
    const bool gain =
        parameter.shape.size() == 1 && (parameter.name.ends_with(".weight") || parameter.name.ends_with(".gamma"));
    const bool matrix = parameter.shape.size() > 1;
    const double fan_in = matrix ? static_cast<double>(n.numel()) / static_cast<double>(parameter.shape[0]) : 1.0;
    parameter.value.copy_(gain ? 1 + 0.1 * n : matrix ? n / std::sqrt(fan_in) : 0.05 * n);
  }
}

/// The value of a parameter by its official name; a failure where there is none.
inline at::Tensor weight(const Parameters& parameters, const std::string& name) {
  for (const Parameter& parameter : parameters.all())
    if (parameter.name == name) return parameter.value;
  ADD_FAILURE() << "no parameter " << name;
  return {};
}
template <typename Network>
at::Tensor weight(const Network& network, const std::string& name) {
  return weight(network.parameters(), name);
}

}  // namespace assay::test
