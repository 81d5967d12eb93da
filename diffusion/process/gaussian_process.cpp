#include "diffusion/process/gaussian_process.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/names.h"
#include "diffusion/process/respacing.h"
#include "kernels/host_tensor.h"

namespace assay {
namespace {

constexpr Names<MeanType> mean_names = {
    {"epsilon", MeanType::epsilon}, {"start_x", MeanType::start_x}, {"previous_x", MeanType::previous_x}};
constexpr Names<VarianceType> variance_names = {{"fixed_small", VarianceType::fixed_small},
                                                {"fixed_large", VarianceType::fixed_large},
                                                {"learned", VarianceType::learned},
                                                {"learned_range", VarianceType::learned_range}};
constexpr Names<LossType> loss_names = {{"mse", LossType::mse},
                                        {"rescaled_mse", LossType::rescaled_mse},
                                        {"kl", LossType::kl},
                                        {"rescaled_kl", LossType::rescaled_kl}};

template <class Type>
Type in_either_case(const char* kind, const std::string& name, const Names<Type>& names) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (const auto type = find_value(lower, names)) return *type;
  throw InputError(unknown_name_message(kind, name, listed(names)));
}

std::vector<double> each(const std::vector<double>& table, double (*f)(double)) {
  std::vector<double> result(table.size());
  std::transform(table.begin(), table.end(), result.begin(), f);
  return result;
}

ProcessTables make_tables(const std::vector<double>& betas) {
  ProcessTables t;
  t.betas = betas;
  const std::size_t n = betas.size();
  double product = 1.0;
  for (const double beta : betas) {
    t.alphas_cumprod_prev.push_back(product);
    product *= 1 - beta;
    t.alphas_cumprod.push_back(product);
  }
  t.alphas_cumprod_next.assign(t.alphas_cumprod.begin() + 1, t.alphas_cumprod.end());
  t.alphas_cumprod_next.push_back(0.0);
  const auto& a = t.alphas_cumprod;
  t.sqrt_alphas_cumprod = each(a, [](double v) { return std::sqrt(v); });
  t.sqrt_one_minus_alphas_cumprod = each(a, [](double v) { return std::sqrt(1 - v); });
  t.log_one_minus_alphas_cumprod = each(a, [](double v) { return std::log(1 - v); });
  t.sqrt_recip_alphas_cumprod = each(a, [](double v) { return std::sqrt(1 / v); });
  t.sqrt_recipm1_alphas_cumprod = each(a, [](double v) { return std::sqrt(1 / v - 1); });
  for (std::size_t i = 0; i < n; ++i) {
    const double previous = t.alphas_cumprod_prev[i];
    t.posterior_variance.push_back(betas[i] * (1 - previous) / (1 - a[i]));
    t.posterior_mean_coef1.push_back(betas[i] * std::sqrt(previous) / (1 - a[i]));
    t.posterior_mean_coef2.push_back((1 - previous) * std::sqrt(1 - betas[i]) / (1 - a[i]));
  }
  t.posterior_log_variance_clipped = each(t.posterior_variance, [](double v) { return std::log(v); });
  t.posterior_log_variance_clipped[0] = t.posterior_log_variance_clipped[1];
  return t;
}

}  // namespace

MeanType read_mean_type(const std::string& name) { return in_either_case("model mean type", name, mean_names); }

VarianceType read_variance_type(const std::string& name) {
  return in_either_case("model variance type", name, variance_names);
}

LossType read_loss_type(const std::string& name) { return in_either_case("loss type", name, loss_names); }

GaussianProcess::GaussianProcess(const NoiseSchedule& schedule, const GaussianProcessOptions& options)
    : options_(options), original_steps_(schedule.steps()), map_(space_timesteps(schedule.steps(), options.respacing)) {
  if (map_.size() < 2)
    throw InputError(fmt::format(
        "diffusion process: respacing '{}' of {} steps keeps {}; at least 2 are needed, for step 0 takes its variance "
        "from step 1",
        options.respacing, original_steps_, map_.size()));
  std::vector<double> betas;
  double last = 1.0;
  for (const std::int64_t t : map_) {
    const double alpha_bar = schedule.alpha_bar[static_cast<std::size_t>(t)];
    betas.push_back(1 - alpha_bar / last);
    last = alpha_bar;
  }
  tables_ = make_tables(betas);
  fixed_large_ = betas;
  fixed_large_[0] = tables_.posterior_variance[1];
}

at::Tensor GaussianProcess::at_step(const std::vector<double>& table, const at::Tensor& t, const at::Tensor& x) const {
  // from_blob only reads; the data is copied to the device of t before this function returns.
  const at::Tensor all = at::from_blob(const_cast<double*>(table.data()), {steps()}, at::kDouble).to(t.device());
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[0] = t.size(0);
  return at::index_select(all, 0, t).to(x.scalar_type()).view(shape);
}

at::Tensor GaussianProcess::model_timesteps(const at::Tensor& t) const {
  const at::Tensor map = host_tensor(map_).to(t.device());
  const at::Tensor original = at::index_select(map, 0, t);
  return options_.rescale_timesteps ? original.to(at::kFloat) * (1000.0 / static_cast<double>(original_steps_))
                                    : original;
}

Moments GaussianProcess::q_mean_variance(const at::Tensor& x_start, const at::Tensor& t) const {
  const at::Tensor zero = at::zeros_like(x_start);
  return {at_step(tables_.sqrt_alphas_cumprod, t, x_start) * x_start,
          1 - at_step(tables_.alphas_cumprod, t, x_start) + zero,
          at_step(tables_.log_one_minus_alphas_cumprod, t, x_start) + zero};
}

at::Tensor GaussianProcess::q_sample(const at::Tensor& x_start, const at::Tensor& t, const at::Tensor& noise) const {
  return at_step(tables_.sqrt_alphas_cumprod, t, x_start) * x_start +
         at_step(tables_.sqrt_one_minus_alphas_cumprod, t, x_start) * noise;
}

Moments GaussianProcess::q_posterior(const at::Tensor& x_start, const at::Tensor& x, const at::Tensor& t) const {
  const at::Tensor zero = at::zeros_like(x);
  return {at_step(tables_.posterior_mean_coef1, t, x) * x_start + at_step(tables_.posterior_mean_coef2, t, x) * x,
          at_step(tables_.posterior_variance, t, x) + zero,
          at_step(tables_.posterior_log_variance_clipped, t, x) + zero};
}

PredictedStep GaussianProcess::p_mean_variance(const at::Tensor& output, const at::Tensor& x, const at::Tensor& t,
                                               bool clip, const DenoisedFunction& denoised) const {
  std::vector<std::int64_t> expected = x.sizes().vec();
  if (learned_variance()) expected[1] *= 2;
  if (output.sizes() != at::IntArrayRef(expected))
    throw Error(fmt::format("diffusion process: the network gave {} channels for {} of x; {} are needed{}",
                            output.dim() > 1 ? output.size(1) : 0, x.size(1), expected[1],
                            learned_variance() ? ", the second half for the learned variance" : ""));

  PredictedStep p;
  at::Tensor first = output;
  if (learned_variance()) {
    const auto halves = output.chunk(2, 1);
    first = halves[0];
    if (options_.variance == VarianceType::learned) {
      p.log_variance = halves[1];
    } else {
      const at::Tensor smallest = at_step(tables_.posterior_log_variance_clipped, t, x);
      const at::Tensor largest = at_step(each(tables_.betas, [](double v) { return std::log(v); }), t, x);
      const at::Tensor share = (halves[1] + 1) / 2;
      p.log_variance = share * largest + (1 - share) * smallest;
    }
    p.variance = p.log_variance.exp();
  } else {
    const at::Tensor zero = at::zeros_like(x);
    const bool large = options_.variance == VarianceType::fixed_large;
    p.variance = at_step(large ? fixed_large_ : tables_.posterior_variance, t, x) + zero;
    p.log_variance = at_step(large ? each(fixed_large_, [](double v) { return std::log(v); })
                                   : tables_.posterior_log_variance_clipped,
                             t, x) +
                     zero;
  }

  const auto finish = [&](at::Tensor x_start) {
    if (denoised) x_start = denoised(x_start);
    return clip ? x_start.clamp(-1, 1) : x_start;
  };
  switch (options_.mean) {
    case MeanType::previous_x: {
      const at::Tensor c1 = at_step(each(tables_.posterior_mean_coef1, [](double v) { return 1 / v; }), t, x);
      std::vector<double> ratio = tables_.posterior_mean_coef2;
      for (std::size_t i = 0; i < ratio.size(); ++i) ratio[i] /= tables_.posterior_mean_coef1[i];
      p.x_start = finish(c1 * first - at_step(ratio, t, x) * x);
      p.mean = first;
      return p;
    }
    case MeanType::start_x:
      p.x_start = finish(first);
      break;
    case MeanType::epsilon:
      p.x_start = finish(predict_start_from_noise(x, t, first));
      break;
  }
  p.mean = q_posterior(p.x_start, x, t).mean;
  return p;
}

at::Tensor GaussianProcess::predict_start_from_noise(const at::Tensor& x, const at::Tensor& t,
                                                     const at::Tensor& eps) const {
  return at_step(tables_.sqrt_recip_alphas_cumprod, t, x) * x -
         at_step(tables_.sqrt_recipm1_alphas_cumprod, t, x) * eps;
}

at::Tensor GaussianProcess::predict_noise_from_start(const at::Tensor& x, const at::Tensor& t,
                                                     const at::Tensor& x_start) const {
  return (at_step(tables_.sqrt_recip_alphas_cumprod, t, x) * x - x_start) /
         at_step(tables_.sqrt_recipm1_alphas_cumprod, t, x);
}

PredictedStep GaussianProcess::condition_mean(const PredictedStep& p, const at::Tensor& gradient) const {
  PredictedStep moved = p;
  moved.mean = p.mean + p.variance * gradient;
  return moved;
}

PredictedStep GaussianProcess::condition_score(const PredictedStep& p, const at::Tensor& x, const at::Tensor& t,
                                               const at::Tensor& gradient) const {
  // 1 - alpha_bar in the type of x, as the official code has it: a large gradient shows the difference at t = 0.
  const at::Tensor scale = (1 - at_step(tables_.alphas_cumprod, t, x)).sqrt();
  const at::Tensor eps = predict_noise_from_start(x, t, p.x_start) - scale * gradient;
  PredictedStep moved = p;
  moved.x_start = predict_start_from_noise(x, t, eps);
  moved.mean = q_posterior(moved.x_start, x, t).mean;
  return moved;
}

at::Tensor GaussianProcess::p_sample(const PredictedStep& p, const at::Tensor& t, const at::Tensor& noise) const {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(noise.dim()), 1);
  shape[0] = t.size(0);
  return p.mean + t.ne(0).to(noise.scalar_type()).view(shape) * (0.5 * p.log_variance).exp() * noise;
}

at::Tensor GaussianProcess::ddim_sample(const PredictedStep& p, const at::Tensor& x, const at::Tensor& t, double eta,
                                        const at::Tensor& noise) const {
  const at::Tensor eps = predict_noise_from_start(x, t, p.x_start);
  const at::Tensor a = at_step(tables_.alphas_cumprod, t, x), previous = at_step(tables_.alphas_cumprod_prev, t, x);
  if (eta == 0) return p.x_start * previous.sqrt() + (1 - previous).sqrt() * eps;
  const at::Tensor sigma = eta * ((1 - previous) / (1 - a)).sqrt() * (1 - a / previous).sqrt();
  // At t = 0 the step ends at alpha_bar 1, where sigma is 0.
  return p.x_start * previous.sqrt() + (1 - previous - sigma.square()).sqrt() * eps + sigma * noise;
}

at::Tensor GaussianProcess::ddim_reverse_sample(const PredictedStep& p, const at::Tensor& x,
                                                const at::Tensor& t) const {
  const at::Tensor eps = predict_noise_from_start(x, t, p.x_start);
  const at::Tensor next = at_step(tables_.alphas_cumprod_next, t, x);
  return p.x_start * next.sqrt() + (1 - next).sqrt() * eps;
}

double GaussianProcess::ddim_sigma(std::int64_t index, double eta) const {
  const auto i = static_cast<std::size_t>(index);
  const double a = tables_.alphas_cumprod[i], previous = tables_.alphas_cumprod_prev[i];
  return eta * std::sqrt((1 - previous) / (1 - a) * (1 - a / previous));
}

}  // namespace assay
