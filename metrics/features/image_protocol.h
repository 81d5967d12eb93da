#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/features/resize.h"

namespace assay {

enum class FeatureNetworkId { inception, vgg16, dinov2 };

/// Which of a network's outputs are a protocol's features.
enum class FeatureOutput {
  pool3,       // Inception, 2048
  spatial,     // Inception, 2023: first 7 channels of Mixed_6d.branch1x1, flattened NHWC
  fc2_relu,    // VGG16, 4096
  class_token  // DINOv2, after the last norm
};

/// (value - offset) / scale for each channel of values in [0, 255].
struct Normalisation {
  std::array<float, 3> offset, scale;
  bool operator==(const Normalisation&) const = default;
};

/// How the images of one protocol of `assay metric generative` become features.
struct ImageProtocol {
  std::string_view id;  // of metrics/protocols/protocols.h
  FeatureNetworkId network;
  Resize resize;
  Normalisation normalisation;
  FeatureOutput output;

  /// True where one pass of the network serves both.
  bool same_pass(const ImageProtocol& other) const {
    return network == other.network && resize == other.resize && normalisation == other.normalisation;
  }
};

/// Every protocol whose features come from images through a public network.
const std::vector<ImageProtocol>& image_protocols();

/// Throws InputError naming the known ids (and the nearest one) when no image protocol has this id.
const ImageProtocol& find_image_protocol(const std::string& id);

/// Side of the network's square input in pixels.
int input_side(FeatureNetworkId network);

/// The sentence for someone who has no weight file: which file a network takes, its hash where its name carries one,
/// how to convert it, and what can be computed without it.
std::string how_to_get_weights(FeatureNetworkId network);

}  // namespace assay
