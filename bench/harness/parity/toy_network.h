#pragma once
#include <ATen/core/Tensor.h>

#include <nlohmann/json.hpp>

#include "diffusion/denoiser.h"

namespace assay::parity {

/// The network of packs that test samplers: a x + b sin(x) + c t / 1000.
class ToyNetwork : public Denoiser {
 public:
  explicit ToyNetwork(const nlohmann::json& config)
      : a_(config.value("a", 0.3)), b_(config.value("b", 0.6)), c_(config.value("c", 0.5)) {}

  at::Tensor operator()(const at::Tensor& x, double t) const;
  at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const override;
  std::int64_t condition_size() const override { return 0; }

 private:
  double a_, b_, c_;
};

}  // namespace assay::parity
