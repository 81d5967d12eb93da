#include "diffusion/process/beta_schedule.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cumprod.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linspace.h>
#include <fmt/format.h>

#include <cmath>

#include "core/error.h"
#include "core/nearest.h"

namespace assay {
namespace {

at::Tensor float32(const std::vector<double>& numbers) {
  at::Tensor out = at::empty({static_cast<std::int64_t>(numbers.size())}, at::kFloat);
  for (std::size_t i = 0; i < numbers.size(); ++i) out.mutable_data_ptr<float>()[i] = static_cast<float>(numbers[i]);
  return out;
}

std::vector<double> doubles(const at::Tensor& tensor) {
  const at::Tensor wide = tensor.to(at::kDouble).contiguous();
  const double* data = wide.const_data_ptr<double>();
  return {data, data + wide.numel()};
}

at::Tensor betas(const BetaScheduleOptions& o) {
  if (!o.trained_betas.empty()) return float32(o.trained_betas);
  if (o.num_train_timesteps < 1)
    throw InputError(fmt::format("num_train_timesteps is {}; accepted: at least 1", o.num_train_timesteps));
  if (o.beta_schedule == "squaredcos_cap_v2") return float32(make_noise_schedule("cosine", o.num_train_timesteps).beta);
  // Also false for NaN.
  if (!(o.beta_start > 0 && o.beta_start < 1 && o.beta_end > 0 && o.beta_end < 1))
    throw InputError(fmt::format("beta_start {} and beta_end {}; accepted: between 0 and 1", o.beta_start, o.beta_end));
  if (o.beta_schedule == "linear") return at::linspace(o.beta_start, o.beta_end, o.num_train_timesteps, at::kFloat);
  if (o.beta_schedule == "scaled_linear")
    return at::linspace(std::sqrt(o.beta_start), std::sqrt(o.beta_end), o.num_train_timesteps, at::kFloat).square();
  throw InputError(
      unknown_name_message("beta_schedule", o.beta_schedule, {"linear", "scaled_linear", "squaredcos_cap_v2"}));
}

at::Tensor with_zero_terminal_snr(const at::Tensor& beta) {
  at::Tensor root = at::cumprod(1 - beta, 0).sqrt();
  const at::Tensor first = root[0].clone(), last = root[-1].clone();
  root = (root - last) * (first / (first - last));
  const at::Tensor alpha_bar = root.square();
  const std::int64_t n = beta.size(0);
  return 1 - at::cat({alpha_bar.narrow(0, 0, 1), alpha_bar.narrow(0, 1, n - 1) / alpha_bar.narrow(0, 0, n - 1)});
}

}  // namespace

NoiseSchedule make_beta_schedule(const BetaScheduleOptions& options) {
  at::Tensor beta = betas(options);
  for (const double b : doubles(beta))
    if (!(b > 0 && b < 1)) throw InputError(fmt::format("a beta is {}; accepted: between 0 and 1", b));
  if (options.rescale_betas_zero_snr) {
    if (beta.size(0) < 2) throw InputError("rescale_betas_zero_snr: one step cannot be rescaled; accepted: at least 2");
    beta = with_zero_terminal_snr(beta);
  }
  return {options.beta_schedule, doubles(beta), doubles(at::cumprod(1 - beta, 0))};
}

}  // namespace assay
