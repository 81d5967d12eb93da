#include "diffusion/entropy.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/where.h>

#include <cmath>

namespace assay {

// H as a sum of p ln p: ln C minus a sum of logits would cancel for a confident classifier.
at::Tensor entropy(const at::Tensor& logits) { return -(at::log_softmax(logits, 1) * at::softmax(logits, 1)).sum(1); }

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
