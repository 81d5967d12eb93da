#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace assay {

/// A small convolutional encoder: five 3x3 convolutions (widths w, 2w, 2w, 4w, 4w; strides 1, 2, 1, 2, 1) with group
/// normalisation (8 groups) and ReLU, average pooling to grid x grid places, Linear to `features`, then a head ReLU +
/// Linear to `outputs` for training alone.
struct ConvEncoderConfig {
  std::int64_t width = 32;     // w, a multiple of 8
  std::int64_t features = 64;  // D
  std::int64_t outputs = 64;   // of the head
  std::int64_t grid = 1;       // places kept by the pooling, a side; 1 is global pooling
};

class ConvEncoder {
 public:
  /// Weights from RandomStream(seed, initialise). Throws InputError for sizes out of range.
  ConvEncoder(const ConvEncoderConfig& config, std::uint64_t seed, at::Device device = at::kCPU);

  /// Activations after the first `convolutions` of the five, not pooled: [B, C, h, w] of images [B, 3, H, W] in [-1,
  /// 1]. A side is the image's after 1, its half after 2 and 3, its quarter after 4 and 5 (halves rounded up); C is w,
  /// 2w, 2w, 4w, 4w. Throws InputError for another number.
  at::Tensor local(const at::Tensor& images, std::int64_t convolutions) const;
  /// Activations after pooling, [B, 4w grid^2], of images [B, 3, H, W] in [-1, 1].
  at::Tensor pooled(const at::Tensor& images) const;
  /// [B, features] of pooled activations.
  at::Tensor features(const at::Tensor& pooled) const;
  /// [B, outputs] of features.
  at::Tensor head(const at::Tensor& features) const;

  /// One AdamW step down the gradient of `loss`, a scalar of this encoder's outputs.
  void descend(const at::Tensor& loss, double learning_rate, double weight_decay);

  const ConvEncoderConfig& config() const { return config_; }

  /// Weights as safetensors; `identity` says what was trained on what.
  void save(const std::filesystem::path& file, const std::string& identity) const;
  /// Throws InputError when the file is broken, of other sizes or another identity.
  void load(const std::filesystem::path& file, const std::string& identity);

 private:
  struct Weight {
    std::string name;
    std::vector<std::int64_t> shape;
    at::Tensor value;  // a view into flat_
  };
  at::Tensor weight(std::size_t index) const { return weights_[index].value; }

  ConvEncoderConfig config_;
  std::vector<Weight> weights_;
  at::Tensor flat_, gradient_, first_, second_;
  std::int64_t step_ = 0;
};

/// Runs `images` [N, 3, H, W] through `pooled` in fixed batches of 64 without recording gradients: [N, 4w grid^2] on
/// the CPU.
at::Tensor pooled_in_batches(const ConvEncoder& encoder, const at::Tensor& images);
/// The same through `features`: [N, features] on the CPU.
at::Tensor features_in_batches(const ConvEncoder& encoder, const at::Tensor& images);

}  // namespace assay
