#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "metrics/features/image_protocol.h"

namespace assay {

/// What a network gives for n images, row after row. What it does not have is empty.
struct NetworkFeatures {
  std::vector<float> features;       // [n, width]: pool3, fc2_relu or class_token
  std::vector<float> spatial;        // [n, 2023], Inception alone
  std::vector<float> logits;         // [n, 1008] without the bias, Inception alone
  std::vector<float> biased_logits;  // [n, 1008] with it
};

/// A feature network behind plain arrays.
class FeatureNetwork {
 public:
  virtual ~FeatureNetwork() = default;
  /// `images` [n, side, side, 3] of input_side(), normalised. An image's features have the same bits whatever batch it
  /// is in. Throws Error when the size does not fit.
  virtual NetworkFeatures run(std::span<const float> images) const = 0;
};

/// On the CPU, with as many threads as ATen has. Throws InputError naming the file and the first ten keys that are
/// missing, unknown or of another shape.
std::unique_ptr<FeatureNetwork> load_feature_network(FeatureNetworkId network, const std::filesystem::path& weights);

/// Resizes `image` and normalises it into `out` [side, side, 3].
void prepare_image(const RgbPixels& image, const ImageProtocol& protocol, std::span<float> out);

}  // namespace assay
