#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "diffusion/networks/network_cost.h"
#include "diffusion/networks/parameters.h"
#include "diffusion/networks/sd/sd_configurations.h"

namespace assay {

/// The autoencoder of Stable Diffusion (diffusers' AutoencoderKL), keys and arithmetic. Images have values in [-1, 1].
/// It takes and gives tensors of any floating type and computes in the type of its weights.
class SdVae {
 public:
  /// Declares its weights under `prefix`; `parameters` must outlive the network. The attention's weights may lie in a
  /// file under the names of older files (query, key, value, proj_attn), and as 1x1 convolutions.
  SdVae(Parameters& parameters, const SdVaeConfig& config, const std::string& prefix = "");
  ~SdVae();

  /// Mean and logarithm of the variance of the latents of images [B, in_channels, H, W]:
  /// [B, 2 latent_channels, H / factor(), W / factor()], rounded down at each halving; not scaled, not clamped. Throws
  /// InputError for other shapes and for an image smaller than factor().
  at::Tensor moments(const at::Tensor& image) const;
  /// The mean of `moments` as the UNet takes it: scaled.
  at::Tensor encode_mean(const at::Tensor& image) const;
  /// Images [B, out_channels, factor() H, factor() W] of scaled latents [B, latent_channels, H, W].
  at::Tensor decode(const at::Tensor& scaled_latent) const;
  /// Latents as the UNet takes them, (latent - shift) * scale, of such as `moments` gives.
  at::Tensor scaled(const at::Tensor& latent) const;

  /// Pixels that a latent stands for, a side.
  std::int64_t factor() const { return std::int64_t{1} << (config_.block_out_channels.size() - 1); }
  const SdVaeConfig& config() const { return config_; }
  /// Of decoding one image: `walk` starts at the latents.
  void count_decoding(CostWalk& walk) const;

 private:
  struct Layers;

  SdVaeConfig config_;
  std::unique_ptr<Layers> layers_;
};

/// What moments [B, 2 C, H, W] say of a latent: mean and deviation, [B, C, H, W] each; the logarithm of the variance is
/// clamped to [-30, 20].
struct LatentGaussian {
  explicit LatentGaussian(const at::Tensor& moments);
  at::Tensor mean, log_variance, deviation;
};

}  // namespace assay
