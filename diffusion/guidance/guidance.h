#pragma once
#include <ATen/core/Tensor.h>

#include <cmath>
#include <cstdint>

#include "diffusion/denoiser.h"

namespace assay {

/// Where on its way a sampler asks for a prediction.
struct SamplingPoint {
  at::Tensor x;            // [B, C, H, W] as the denoiser sees it: sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) eps
  at::Tensor timesteps;    // [B] as the denoiser gets them
  double alpha_bar = 1.0;  // share of x_0 in the power of x, from 0 to 1, the same for every row

  /// The noise level in the unit of Karras et al. (arXiv:2206.00364), the deviation of the noise where x_0 is not
  /// scaled: sqrt((1 - alpha_bar) / alpha_bar), infinite at alpha_bar 0.
  double sigma() const { return std::sqrt((1 - alpha_bar) / alpha_bar); }
};

/// The denoiser's outputs that a guidance needs at a point, not yet mixed, so that a sampler may mix and step in one
/// pass over memory. At least one of them is defined; where one is alone it is the prediction and the weight counts for
/// nothing.
struct Branches {
  at::Tensor with = {};     // told the condition, of the shape that Denoiser::predict gives
  at::Tensor without = {};  // told nothing
  double weight = 1.0;      // w in the `imagen` convention (see classifier_free.h)

  bool both() const { return with.defined() && without.defined(); }
  /// The branch that is alone, or of both the one with the condition.
  const at::Tensor& leading() const { return with.defined() ? with : without; }
  /// The first `channels` channels of each: eps without a learned variance.
  Branches eps(std::int64_t channels) const;
  /// (1 - weight) without + weight with, or the branch that is alone.
  at::Tensor mixed() const;
};

/// How often a step evaluates the denoiser, which may depend on the noise level.
struct Evaluations {
  std::int64_t fewest = 1, most = 1;

  bool operator==(const Evaluations&) const = default;
};

/// What steers a sampler: which predictions of the denoiser are mixed with which weight, and what is added to the
/// score. An object is of one batch (it knows the conditions or the classes of its rows) and of one chain; samplers
/// take any.
class Guidance {
 public:
  virtual ~Guidance() = default;

  /// The branches at a point. Throws InputError where the null condition is needed and the denoiser has none.
  virtual Branches predict(const Denoiser& denoiser, const SamplingPoint& point) const = 0;

  /// The term added to the score grad ln p(x_t), of the shape and type of x, its scale included; undefined for none.
  /// Called once for every point, after predict(), in the order of sampling.
  virtual at::Tensor gradient(const SamplingPoint& /*point*/) { return {}; }

  /// Calls of Denoiser::predict() by one call of predict().
  virtual Evaluations evaluations() const { return {}; }
};

/// The prediction for the null condition on every row. Throws InputError for a denoiser that has none.
at::Tensor unconditional_prediction(const Denoiser& denoiser, const SamplingPoint& point);

/// The branches of eps [B, C, H, W], derived where the denoiser predicts something else. Where a guidance adds a term g
/// to the score they come mixed, as one branch eps - sqrt(1 - alpha_bar) g (Dhariwal and Nichol, arXiv:2105.05233,
/// algorithm 2).
Branches guided_eps(Guidance& guidance, const Denoiser& denoiser, const SamplingPoint& point);

/// The same, mixed, as what the denoiser predicts (Denoiser::prediction): mixing commutes with the conversion, and a
/// term g of the score moves v by -sqrt((1 - alpha_bar) / alpha_bar) g and x0 by (1 - alpha_bar) / sqrt(alpha_bar) g.
/// So nothing is divided by sqrt(alpha_bar), which may be 0, unless there is a term: that throws InputError there.
at::Tensor guided_prediction(Guidance& guidance, const Denoiser& denoiser, const SamplingPoint& point);

}  // namespace assay
