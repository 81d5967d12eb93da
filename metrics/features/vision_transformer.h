#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "metrics/features/network_weights.h"

namespace assay {

/// The ViT of DINO and DINOv2, without a head, under the official names of its arguments and keys.
struct VisionTransformerConfig {
  std::int64_t img_size = 224;  // pixels a side that the position embeddings are for, a multiple of patch_size
  std::int64_t patch_size = 16;
  std::int64_t embed_dim = 384;  // a multiple of num_heads
  std::int64_t depth = 12;
  std::int64_t num_heads = 6;
  double mlp_ratio = 4;
  bool qkv_bias = true;
  double layer_norm_eps = 1e-6;
  bool layer_scale = false;  // DINOv2: a learned gain after each attention and each MLP
  bool mask_token = false;   // DINOv2: a token of training alone, kept in the file
};

/// Throws InputError for an unknown key and values out of range.
VisionTransformerConfig read_vision_transformer_config(const nlohmann::json& object, const std::string& where);

/// The configuration that a weight file's shapes show; heads have 64 numbers, as in all released DINO and DINOv2
/// networks. Throws InputError for a file of another network and for the giant one (SwiGLU).
VisionTransformerConfig detect_vision_transformer(const std::filesystem::path& weights);

/// What the last block and its neighbours hold; T = 1 + patches, the class token first.
struct VisionTransformerOutputs {
  at::Tensor cls;                     // [B, D], the class token after the last norm
  at::Tensor tokens_normed;           // [B, T, D]
  at::Tensor second_last_normed;      // [B, T, D], output of the block before the last, after the last norm
  at::Tensor last_attention;          // [B, heads, T, T]
  at::Tensor last_q, last_k, last_v;  // [B, T, D], heads side by side
  at::Tensor pos_embed_used;          // [1, T, D]
};

class VisionTransformer {
 public:
  /// Throws InputError as load_network_weights, and for a depth below 2.
  VisionTransformer(const VisionTransformerConfig& config, const std::filesystem::path& weights,
                    at::Device device = at::kCPU);
  /// Of weights as state() names them. Where they require gradients, so do the outputs. Throws Error for a missing one
  /// and another shape, InputError for a depth below 2.
  VisionTransformer(const VisionTransformerConfig& config, std::map<std::string, at::Tensor> weights);

  const VisionTransformerConfig& config() const { return config_; }

  /// `images` [B, 3, H, W], multiples of the patch size. Position embeddings for another grid are resized as DINO does:
  /// bicubic by the factor (n + 0.1) / sqrt(N), which also maps the places.
  VisionTransformerOutputs forward(const at::Tensor& images) const;

  static std::vector<WeightShape> state(const VisionTransformerConfig& config);

 private:
  struct Attention {
    at::Tensor out, probabilities, q, k, v;
  };
  const at::Tensor& weight(const std::string& name) const { return weights_.at(name); }
  at::Tensor linear(const std::string& name, const at::Tensor& x) const;
  at::Tensor norm(const std::string& name, const at::Tensor& x) const;
  at::Tensor scaled(const std::string& name, const at::Tensor& x) const;
  Attention attention(const std::string& name, const at::Tensor& x) const;
  at::Tensor position_embeddings(std::int64_t rows, std::int64_t columns) const;

  VisionTransformerConfig config_;
  std::map<std::string, at::Tensor> weights_;
};

}  // namespace assay
