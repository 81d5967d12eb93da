#include "diffusion/guidance/entropy.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/where.h>

#include <cmath>
#include <limits>

namespace assay {

at::Tensor entropy(const at::Tensor& logits) {
  if (logits.scalar_type() != at::kDouble) return (-at::log_softmax(logits, 1) * at::softmax(logits, 1)).sum(1);
  // ln(1 + S) + sum_c e_c d_c / (1 + S) with d_c = max z - z_c, e_c = exp(-d_c) and S the sum of e_c over all classes
  // but the largest: every term is positive, so H keeps its digits where the classifier is confident.
  const auto [largest, where] = logits.max(1, true);
  const at::Tensor d = largest - logits, e = at::exp(-d);
  const at::Tensor rest = e.scatter(1, where, 0.0).sum(1);
  return at::log1p(rest) + (e * d).sum(1) / (1 + rest);
}

at::Tensor log_probability(const at::Tensor& logits, const at::Tensor& labels) {
  const at::Tensor index = labels.unsqueeze(1);
  if (logits.scalar_type() != at::kDouble) return at::log_softmax(logits, 1).gather(1, index).squeeze(1);
  // The odds against y, so that neither ln p_y nor its gradient is the difference of numbers close to one.
  const at::Tensor others = logits.scatter(1, index, -std::numeric_limits<double>::infinity());
  return at::log_sigmoid(logits.gather(1, index).squeeze(1) - at::logsumexp(others, {1}));
}

double maximum_entropy(std::int64_t classes, std::optional<double> constant) {
  return constant.value_or(std::log(static_cast<double>(classes)));
}

EntropyScale entropy_scale(const at::Tensor& logits, double floor, std::optional<double> constant) {
  at::NoGradGuard no_grad;
  const double maximum = maximum_entropy(logits.size(1), constant);
  EntropyScale result;
  result.entropy = entropy(logits.detach());
  const at::Tensor relative = result.entropy / maximum;
  result.clamped = relative.lt(floor);
  result.scale = 1 / (floor > 0 ? relative.clamp_min(floor) : relative);
  return result;
}

EntropyConstraint entropy_constraint(const at::Tensor& logits, const at::Tensor& labels, double weight,
                                     std::optional<double> constant) {
  EntropyConstraint result;
  const at::Tensor log_p = at::log_softmax(logits, 1);
  result.cross_entropy = -log_p.gather(1, labels.unsqueeze(1)).squeeze(1);
  result.gap = (log_p * at::softmax(logits, 1)).sum(1) + maximum_entropy(logits.size(1), constant);
  result.loss = result.cross_entropy + weight * result.gap;
  return result;
}

}  // namespace assay
