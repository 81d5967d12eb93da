#pragma once
#include <nlohmann/json.hpp>

#include "diffusion/denoiser.h"

namespace assay::parity {

/// The network without weights of the packs: a x + b sin(x) + c t / 1000, and where the variance is learned d cos(x) +
/// e t / 1000 in a second block of channels.
class ToyDenoiser : public Denoiser {
 public:
  ToyDenoiser(const nlohmann::json& coefficients, bool learned_variance)
      : a_(coefficients.at("a")),
        b_(coefficients.at("b")),
        c_(coefficients.at("c")),
        d_(coefficients.at("d")),
        e_(coefficients.at("e")),
        learned_variance_(learned_variance) {}

  at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const override;
  std::int64_t condition_size() const override { return 0; }
  bool learned_variance() const override { return learned_variance_; }

 private:
  double a_, b_, c_, d_, e_;
  bool learned_variance_;
};

/// t / 1000 of each row as float32, shaped to go with x.
at::Tensor thousandths(const at::Tensor& timesteps, const at::Tensor& x);

}  // namespace assay::parity
