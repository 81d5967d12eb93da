#include "reproductions/class_tokens/algorithm/image_classifier.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/index_select.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <span>

#include "core/config.h"
#include "core/philox.h"
#include "kernels/host_tensor.h"
#include "metrics/features/augment.h"

namespace assay::class_tokens {

ImageClassifierOptions read_image_classifier_options(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  ImageClassifierOptions o;
  o.width = reader.integer("width", o.width, 8, 1024);
  o.features = reader.integer("features", o.features, 1, 4096);
  o.steps = reader.integer("steps", o.steps, 1);
  o.batch = reader.integer("batch", o.batch, 1, 1 << 16);
  o.learning_rate = reader.real("learning_rate", o.learning_rate, 1e-9, 1.0);
  o.weight_decay = reader.real("weight_decay", o.weight_decay, 0.0, 1.0);
  reader.finish();
  return o;
}

nlohmann::json to_json(const ImageClassifierOptions& o) {
  return {{"width", o.width}, {"features", o.features},           {"steps", o.steps},
          {"batch", o.batch}, {"learning_rate", o.learning_rate}, {"weight_decay", o.weight_decay}};
}

ConvEncoder empty_image_classifier(std::int64_t classes, const ImageClassifierOptions& o, std::uint64_t seed,
                                   at::Device device) {
  return ConvEncoder({.width = o.width, .features = o.features, .outputs = classes}, seed, device);
}

ConvEncoder train_image_classifier(const at::Tensor& images, const std::vector<std::int64_t>& labels,
                                   std::int64_t classes, const ImageClassifierOptions& o, std::uint64_t seed,
                                   const std::function<void(std::int64_t)>& progress,
                                   const std::vector<double>& weights) {
  ConvEncoder classifier = empty_image_classifier(classes, o, seed, images.device());
  std::vector<double> up_to(labels.size(), 1.0);
  if (!weights.empty()) up_to = weights;
  std::partial_sum(up_to.begin(), up_to.end(), up_to.begin());
  Augmentation ranges;
  ranges.shift = 1.0 / 16;
  ranges.brightness = 0.1;
  const at::Tensor targets = host_tensor(std::span<const std::int64_t>(labels)).to(images.device());
  std::vector<std::int64_t> rows(static_cast<std::size_t>(o.batch));
  for (std::int64_t step = 0; step < o.steps; ++step) {
    RandomStream random(seed, Purpose::order, static_cast<std::uint64_t>(step));
    for (std::int64_t& row : rows)
      row = std::min<std::int64_t>(
          std::upper_bound(up_to.begin(), up_to.end(), random.uniform() * up_to.back()) - up_to.begin(),
          static_cast<std::int64_t>(labels.size()) - 1);
    const at::Tensor index = host_tensor(std::span<const std::int64_t>(rows)).to(images.device());
    const at::Tensor batch =
        augment(at::index_select(images, 0, index), ranges, seed, static_cast<std::uint64_t>(step * o.batch));
    const double done = static_cast<double>(step) / static_cast<double>(o.steps);
    classifier.descend(at::cross_entropy_loss(class_logits(classifier, batch), at::index_select(targets, 0, index)),
                       o.learning_rate * 0.5 * (1 + std::cos(std::numbers::pi * done)), o.weight_decay);
    if (progress) progress(step + 1);
  }
  return classifier;
}

at::Tensor class_logits(const ConvEncoder& classifier, const at::Tensor& images) {
  return classifier.head(classifier.features(classifier.pooled(images)));
}

std::vector<std::int64_t> classes_seen(const ConvEncoder& classifier, const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  const at::Tensor features = features_in_batches(classifier, images);
  const at::Tensor seen = at::argmax(classifier.head(features.to(images.device())), 1).to(at::kCPU).contiguous();
  return {seen.const_data_ptr<std::int64_t>(), seen.const_data_ptr<std::int64_t>() + seen.numel()};
}

}  // namespace assay::class_tokens
