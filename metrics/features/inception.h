#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "metrics/features/inference_conv.h"
#include "metrics/features/network_weights.h"

namespace assay {

/// What the FID Inception gives for a batch of B images, float32 on the network's device.
struct InceptionOutputs {
  at::Tensor pool3;            // [B, 2048], `pool_3:0` of the TensorFlow graph
  at::Tensor logits_unbiased;  // [B, 1008], without the bias of `fc`, as the Inception Score takes them
  at::Tensor logits;           // [B, 1008]
  at::Tensor spatial;          // [B, 2023], first 7 channels of Mixed_6d.branch1x1 (`mixed_6/conv:0`), 17 x 17 x 7
};

/// The Inception-v3 of FID (the graph `inception-2015-12-05` as ported by torch-fidelity and pytorch-fid, with their
/// key names): unlike torchvision's it has 1008 classes, averages the pools of the blocks A, C and E_1 without the
/// padding, and pools by maximum in the last block. Batch normalisation (eps 1e-3) is folded into the convolutions in
/// double, which moves features by some 1e-6 of their size.
class Inception {
 public:
  static constexpr int side = 299;

  /// Throws InputError as load_network_weights.
  explicit Inception(const std::filesystem::path& weights, at::Device device = at::kCPU);

  /// `images` [B, 3, 299, 299], channels-last for speed, normalised to about [-1, 1] as the protocol says. An image's
  /// outputs have the same bits whatever batch it is in.
  InceptionOutputs forward(const at::Tensor& images) const;

  /// Keys and shapes of the weight file.
  static std::vector<WeightShape> state();

 private:
  at::Tensor conv(const std::string& name, const at::Tensor& x) const { return convs_.at(name)(x); }
  at::Tensor block_a(const std::string& name, const at::Tensor& x) const;
  at::Tensor block_b(const std::string& name, const at::Tensor& x) const;
  at::Tensor block_c(const std::string& name, const at::Tensor& x, at::Tensor* branch1x1 = nullptr) const;
  at::Tensor block_d(const std::string& name, const at::Tensor& x) const;
  enum class Pool { average, maximum };
  at::Tensor block_e(const std::string& name, const at::Tensor& x, Pool pool) const;

  std::map<std::string, InferenceConv> convs_;
  at::Tensor fc_weight_, fc_bias_;
};

}  // namespace assay
