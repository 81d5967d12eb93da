#include "diffusion/networks/gaussian_mixture.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cdist.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <fmt/format.h>

#include <cmath>

#include "core/error.h"
#include "core/philox.h"

namespace assay {

GaussianMixture::GaussianMixture(const NoiseSchedule& schedule, std::int64_t classes, std::int64_t dimensions,
                                 double deviation, std::uint64_t seed)
    : alpha_bar_(schedule.alpha_bar), means_(at::empty({classes, dimensions}, at::kDouble)), deviation_(deviation) {
  if (classes < 1 || dimensions < 1 || !(deviation > 0))
    throw InputError("Gaussian mixture: classes and dimensions must be at least 1, the deviation above 0");
  for (std::int64_t c = 0; c < classes; ++c) {
    RandomStream random(seed, Purpose::dataset, static_cast<std::uint64_t>(c));
    for (std::int64_t d = 0; d < dimensions; ++d)
      means_.mutable_data_ptr<double>()[c * dimensions + d] = random.normal();
  }
}

at::Tensor GaussianMixture::alpha_bar_at(const at::Tensor& timesteps) const {
  const at::Tensor times = timesteps.to(at::kLong).contiguous();
  at::Tensor a = at::empty({times.size(0), 1}, at::kDouble);
  for (std::int64_t i = 0; i < times.size(0); ++i)
    a.mutable_data_ptr<double>()[i] = alpha_bar_.at(static_cast<std::size_t>(times.const_data_ptr<std::int64_t>()[i]));
  return a;
}

at::Tensor GaussianMixture::class_logits(const at::Tensor& x, const at::Tensor& timesteps) const {
  const at::Tensor a = alpha_bar_at(timesteps), points = x.flatten(1).to(at::kDouble);
  const at::Tensor offsets = points.unsqueeze(1) - a.sqrt().unsqueeze(2) * means_.unsqueeze(0);
  return -offsets.square().sum(2) / (2 * (a * (deviation_ * deviation_) + (1 - a)));
}

at::Tensor GaussianMixture::predict(const at::Tensor& x, const at::Tensor& timesteps,
                                    const Condition& condition) const {
  const at::Tensor a = alpha_bar_at(timesteps), points = x.flatten(1).to(at::kDouble);
  const at::Tensor weights =  // of each class, [B, C]
      condition.vector.defined() ? condition.vector.to(at::kDouble) : at::softmax(class_logits(x, timesteps), 1);
  const at::Tensor mean = at::matmul(weights, means_);
  const at::Tensor variance = a * (deviation_ * deviation_) + (1 - a);
  const at::Tensor eps = (1 - a).sqrt() * (points - a.sqrt() * mean) / variance;
  return eps.to(x.scalar_type()).view(x.sizes());
}

std::vector<std::int64_t> GaussianMixture::classify(const at::Tensor& x0) const {
  const at::Tensor nearest = at::cdist(x0.flatten(1).to(at::kDouble), means_).argmin(1).contiguous();
  const std::int64_t* ids = nearest.const_data_ptr<std::int64_t>();
  return {ids, ids + nearest.numel()};
}

MixtureClassifier::MixtureClassifier(const GaussianMixture& mixture, double tempering)
    : mixture_(mixture), tempering_(tempering) {
  if (!(tempering > 0) || !std::isfinite(tempering))
    throw InputError(fmt::format("mixture classifier: tempering {}; accepted: above 0", tempering));
}

at::Tensor MixtureClassifier::logits(const at::Tensor& x, const at::Tensor& timesteps) const {
  return tempering_ * mixture_.class_logits(x, timesteps);
}

}  // namespace assay
