#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "diffusion/networks/layers.h"
#include "diffusion/networks/sd/projection.h"

// What the UNet and the VAE of Stable Diffusion are both built of, under diffusers' keys.
namespace assay {

/// Two 3x3 convolutions behind GroupNorm and SiLU, and a residual; keys `name`.norm1, .conv1, .time_emb_proj where
/// there is a time embedding, .norm2, .conv2, and .conv_shortcut where the channels change.
class SdResNet {
 public:
  struct Options {
    std::int64_t time = 0;  // width of the time embedding; 0: none
    std::int64_t norm_groups = 32;
    double norm_eps = 1e-5;
  };
  SdResNet(Parameters& parameters, const std::string& name, std::int64_t in, std::int64_t out, const Options& options);

  /// [B, out, H, W] from x [B, in, H, W] and `time` [B, options.time], already through SiLU.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& time = {}) const;
  void count(CostWalk& walk) const;

 private:
  GroupNorm norm1_;
  Conv2d conv1_;
  std::optional<Projection> time_;
  GroupNorm norm2_;
  Conv2d conv2_;
  std::optional<Conv2d> shortcut_;
};

/// A 3x3 convolution of stride 2; key `name`.conv. The UNet pads a pixel on every side, [H, W] -> [(H + 1) / 2,
/// (W + 1) / 2]; the VAE pads below and to the right alone, [H, W] -> [H / 2, W / 2]; both rounded down.
class SdDownsample {
 public:
  enum class Padding { all_sides, below_and_right };
  SdDownsample(Parameters& parameters, const std::string& name, std::int64_t channels, Padding padding);
  at::Tensor operator()(const at::Tensor& x) const;
  void count(CostWalk& walk) const;

 private:
  const Parameter *weight_, *bias_;
  Padding padding_;
};

/// The nearest pixels of a larger image, then a 3x3 convolution; key `name`.conv.
class SdUpsample {
 public:
  SdUpsample(Parameters& parameters, const std::string& name, std::int64_t channels);
  /// [B, C, height, width]: twice the size of x, or a pixel less a side.
  at::Tensor operator()(const at::Tensor& x, std::int64_t height, std::int64_t width) const;
  void count(CostWalk& walk) const;

 private:
  Conv2d conv_;
};

}  // namespace assay
