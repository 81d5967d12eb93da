#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "metrics/features/conv_encoder.h"

namespace assay {

/// The feature network of protocol `fd-small`: a ConvEncoder trained to name the words in an image's caption, a task
/// that no guidance arm sees (neither class labels nor clusters). Its score is never to be called FID.
struct SmallFeaturesOptions {
  std::int64_t width = 32;
  std::int64_t features = 64;
  std::int64_t steps = 1000;
  std::int64_t batch = 128;
  double learning_rate = 2e-3;  // cosine decay to 0
  double weight_decay = 0.01;
  std::int64_t least_occurrences = 12;  // of a word in the training captions
};

SmallFeaturesOptions read_small_features_options(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const SmallFeaturesOptions& options);

/// Lower-case words of at least two letters that occur in at least `least` captions, sorted.
std::vector<std::string> caption_vocabulary(const std::vector<std::string>& captions, std::int64_t least);

/// Trains on `images` [N, 3, H, W] in [-1, 1] with their captions. `progress(step)` after every step.
/// Throws InputError when no word is frequent enough.
ConvEncoder train_small_features(const at::Tensor& images, const std::vector<std::string>& captions,
                                 const SmallFeaturesOptions& options, std::uint64_t seed,
                                 const std::function<void(std::int64_t, double)>& progress);

/// An untrained network of the sizes that training with these captions gives: what a stored one is loaded into.
ConvEncoder empty_small_features(const std::vector<std::string>& captions, const SmallFeaturesOptions& options);

}  // namespace assay
