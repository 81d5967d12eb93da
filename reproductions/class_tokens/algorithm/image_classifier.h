#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "metrics/features/conv_encoder.h"

namespace assay::class_tokens {

/// A small classifier of clean images: a ConvEncoder whose head names the class.
struct ImageClassifierOptions {
  std::int64_t width = 32;
  std::int64_t features = 64;
  std::int64_t steps = 600;
  std::int64_t batch = 64;
  double learning_rate = 2e-3;  // cosine decay to 0
  double weight_decay = 0.01;
};

ImageClassifierOptions read_image_classifier_options(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const ImageClassifierOptions& options);

ConvEncoder empty_image_classifier(std::int64_t classes, const ImageClassifierOptions& options, std::uint64_t seed,
                                   at::Device device = at::kCPU);

/// Trains on `images` [N, 3, H, W] in [-1, 1] and their `labels`, drawn with replacement and slightly shifted; of
/// `weights` [N], where given, an image is drawn in proportion to its own. `progress(step)` after every step.
ConvEncoder train_image_classifier(const at::Tensor& images, const std::vector<std::int64_t>& labels,
                                   std::int64_t classes, const ImageClassifierOptions& options, std::uint64_t seed,
                                   const std::function<void(std::int64_t)>& progress,
                                   const std::vector<double>& weights = {});

/// Logits [B, classes] of images [B, 3, H, W] in [-1, 1], differentiable.
at::Tensor class_logits(const ConvEncoder& classifier, const at::Tensor& images);
/// The most probable class of each, in batches of one size and without gradients.
std::vector<std::int64_t> classes_seen(const ConvEncoder& classifier, const at::Tensor& images);

}  // namespace assay::class_tokens
