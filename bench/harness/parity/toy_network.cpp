#include "bench/harness/parity/toy_network.h"

#include <ATen/TensorOperators.h>

namespace assay::parity {

at::Tensor ToyNetwork::operator()(const at::Tensor& x, double t) const {
  return a_ * x + b_ * x.sin() + c_ * (t / 1000);
}

at::Tensor ToyNetwork::predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& /*condition*/) const {
  return a_ * x + b_ * x.sin() + c_ * (timesteps.to(at::kFloat) / 1000).view({-1, 1, 1, 1});
}

}  // namespace assay::parity
