#pragma once
#include <array>
#include <string>

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

/// (x - 128) / 128, as the TensorFlow graph does.
inline constexpr Normalisation graph_normalisation = {{128, 128, 128}, {128, 128, 128}};
/// 2 (x / 255) - 1, as pytorch-fid does.
inline constexpr Normalisation unit_normalisation = {{127.5f, 127.5f, 127.5f}, {127.5f, 127.5f, 127.5f}};
/// Mean and deviation of ImageNet, worked out in double as PyTorch does.
inline constexpr Normalisation imagenet_normalisation = {
    {static_cast<float>(255 * 0.485), static_cast<float>(255 * 0.456), static_cast<float>(255 * 0.406)},
    {static_cast<float>(255 * 0.229), static_cast<float>(255 * 0.224), static_cast<float>(255 * 0.225)}};

/// How images become the features of a protocol, through a public network.
struct ImageProtocol {
  FeatureNetworkId network;
  Resize resize;
  Normalisation normalisation;
  FeatureOutput output;

  /// True where one pass of the network serves both.
  bool same_pass(const ImageProtocol& other) const {
    return network == other.network && resize == other.resize && normalisation == other.normalisation;
  }
};

/// Inception's pooled features of the TensorFlow graph of 2015: what most published scores are computed from.
inline constexpr ImageProtocol tensorflow_inception = {FeatureNetworkId::inception, Resize::tensorflow1,
                                                       graph_normalisation, FeatureOutput::pool3};

/// Side of the network's square input in pixels.
int input_side(FeatureNetworkId network);

/// The sentence for someone who has no weight file: which file a network takes, its hash where its name carries one,
/// how to convert it, and what can be computed without it.
std::string how_to_get_weights(FeatureNetworkId network);

}  // namespace assay
