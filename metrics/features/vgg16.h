#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <vector>

#include "metrics/features/inference_conv.h"
#include "metrics/features/network_weights.h"

namespace assay {

/// VGG16 without batch normalisation, with torchvision's key names (`vgg16-397923af.pth`), up to the ReLU after the
/// second fully connected layer: the features of NVIDIA's precision and recall.
class Vgg16 {
 public:
  static constexpr int side = 224;

  /// Throws InputError as load_network_weights.
  explicit Vgg16(const std::filesystem::path& weights, at::Device device = at::kCPU);

  /// [B, 4096] of `images` [B, 3, 224, 224], normalised by the mean and deviation of ImageNet. An image's features have
  /// the same bits whatever batch it is in.
  at::Tensor forward(const at::Tensor& images) const;

  /// Keys and shapes of the weight file.
  static std::vector<WeightShape> state();

 private:
  std::vector<InferenceConv> convs_;
  at::Tensor fc1_weight_, fc1_bias_, fc2_weight_, fc2_bias_;
};

}  // namespace assay
