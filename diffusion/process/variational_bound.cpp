#include "diffusion/process/variational_bound.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <numbers>

#include "core/interrupt.h"

namespace assay {
namespace {

/// Mean over all axes but the first.
at::Tensor mean_flat(const at::Tensor& values) { return values.flatten(1).mean(1); }

at::Tensor approximate_normal_cdf(const at::Tensor& x) {
  return 0.5 * (1 + (std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x.pow(3))).tanh());
}

}  // namespace

at::Tensor normal_kl(const at::Tensor& mean1, const at::Tensor& logvar1, const at::Tensor& mean2,
                     const at::Tensor& logvar2) {
  return 0.5 * (-1 + logvar2 - logvar1 + (logvar1 - logvar2).exp() + (mean1 - mean2).square() * (-logvar2).exp());
}

at::Tensor discretized_gaussian_log_likelihood(const at::Tensor& x, const at::Tensor& means,
                                               const at::Tensor& log_scales) {
  const auto log_of = [](const at::Tensor& p) { return p.clamp_min(1e-12).log(); };
  const at::Tensor centered = x - means, inverse = (-log_scales).exp();
  const at::Tensor above = approximate_normal_cdf(inverse * (centered + 1.0 / 255));
  const at::Tensor below = approximate_normal_cdf(inverse * (centered - 1.0 / 255));
  // The first and the last of the 256 values own the tails.
  return at::where(x.lt(-0.999), log_of(above), at::where(x.gt(0.999), log_of(1 - below), log_of(above - below)));
}

BoundTerm bound_term(const GaussianProcess& process, const at::Tensor& output, const at::Tensor& x_start,
                     const at::Tensor& x, const at::Tensor& t, bool clip) {
  const Moments truth = process.q_posterior(x_start, x, t);
  const PredictedStep p = process.p_mean_variance(output, x, t, clip);
  const at::Tensor kl = mean_flat(normal_kl(truth.mean, truth.log_variance, p.mean, p.log_variance));
  const at::Tensor nll = -mean_flat(discretized_gaussian_log_likelihood(x_start, p.mean, 0.5 * p.log_variance));
  return {at::where(t.eq(0), nll, kl) / std::numbers::ln2, p.x_start};
}

TrainingLosses training_losses(const GaussianProcess& process, const ModelFunction& model, const at::Tensor& x_start,
                               const at::Tensor& t, const at::Tensor& noise) {
  const at::Tensor x = process.q_sample(x_start, t, noise);
  const at::Tensor output = model(x, process.model_timesteps(t));
  const LossType type = process.options().loss;
  const auto steps = static_cast<double>(process.steps());
  TrainingLosses losses;
  if (type == LossType::kl || type == LossType::rescaled_kl) {
    losses.loss = bound_term(process, output, x_start, x, t, false).bits;
    if (type == LossType::rescaled_kl) losses.loss = losses.loss * steps;
    return losses;
  }

  at::Tensor first = output;
  if (process.learned_variance()) {
    const auto halves = output.chunk(2, 1);
    first = halves[0];
    losses.vb = bound_term(process, at::cat({first.detach(), halves[1]}, 1), x_start, x, t, false).bits;
    // Without the thousandth the bound outweighs the square (the official code's remark).
    if (type == LossType::rescaled_mse) losses.vb = losses.vb * (steps / 1000.0);
  }
  const MeanType mean = process.options().mean;
  const at::Tensor target = mean == MeanType::epsilon   ? noise
                            : mean == MeanType::start_x ? x_start
                                                        : process.q_posterior(x_start, x, t).mean;
  losses.mse = mean_flat((target - first).square());
  losses.loss = losses.vb.defined() ? losses.mse + losses.vb : losses.mse;
  return losses;
}

BitsPerDimension bits_per_dimension(const GaussianProcess& process, const ModelFunction& model,
                                    const at::Tensor& x_start, bool clip,
                                    const std::function<at::Tensor(std::int64_t)>& noise) {
  std::vector<at::Tensor> vb, x_start_mse, eps_mse;
  const auto at_index = [&](std::int64_t index) {
    return at::full({x_start.size(0)}, index, x_start.options().dtype(at::kLong));
  };
  for (std::int64_t index = process.steps() - 1; index >= 0; --index) {
    stop_if_interrupted();
    const at::Tensor t = at_index(index), z = noise(process.steps() - 1 - index);
    const at::Tensor x = process.q_sample(x_start, t, z);
    const BoundTerm term = bound_term(process, model(x, process.model_timesteps(t)), x_start, x, t, clip);
    vb.push_back(term.bits);
    x_start_mse.push_back(mean_flat((term.x_start - x_start).square()));
    eps_mse.push_back(mean_flat((process.predict_noise_from_start(x, t, term.x_start) - z).square()));
  }
  const Moments last = process.q_mean_variance(x_start, at_index(process.steps() - 1));
  const at::Tensor zero = at::zeros_like(x_start);
  BitsPerDimension result;
  result.prior = mean_flat(normal_kl(last.mean, last.log_variance, zero, zero)) / std::numbers::ln2;
  result.vb = at::stack(vb, 1);
  result.x_start_mse = at::stack(x_start_mse, 1);
  result.eps_mse = at::stack(eps_mse, 1);
  result.total = result.vb.sum(1) + result.prior;
  return result;
}

}  // namespace assay
