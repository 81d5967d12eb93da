#include "bench/parity/toy_denoiser.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

namespace assay::parity {

at::Tensor thousandths(const at::Tensor& timesteps, const at::Tensor& x) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[0] = timesteps.size(0);
  return timesteps.to(at::kFloat).view(shape) / 1000;
}

at::Tensor ToyDenoiser::operator()(const at::Tensor& x, double t) const {
  return a_ * x + b_ * x.sin() + c_ * (t / 1000);
}

at::Tensor ToyDenoiser::predict(const at::Tensor& x, const at::Tensor& timesteps,
                                const Condition& /*condition*/) const {
  const at::Tensor t = thousandths(timesteps, x);
  const at::Tensor mean = a_ * x + b_ * x.sin() + c_ * t;
  return learned_variance_ ? at::cat({mean, d_ * x.cos() + e_ * t}, 1) : mean;
}

}  // namespace assay::parity
