#pragma once
#include <nlohmann/json.hpp>

#include "diffusion/denoiser.h"

namespace assay::parity {

/// The network without weights of the packs: a x + b sin(x) + c t / 1000, and where the variance is learned d cos(x) +
/// e t / 1000 in a second block of channels. What a pack leaves out is what the samplers' packs have.
class ToyDenoiser : public Denoiser {
 public:
  explicit ToyDenoiser(const nlohmann::json& coefficients, bool learned_variance = false)
      : a_(coefficients.value("a", 0.3)),
        b_(coefficients.value("b", 0.6)),
        c_(coefficients.value("c", 0.5)),
        d_(coefficients.value("d", 0.0)),
        e_(coefficients.value("e", 0.0)),
        learned_variance_(learned_variance) {}

  /// The mean part at one time for all rows, which need not be whole.
  at::Tensor operator()(const at::Tensor& x, double t) const;
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
