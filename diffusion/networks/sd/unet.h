#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "diffusion/networks/network_cost.h"
#include "diffusion/networks/parameters.h"
#include "diffusion/networks/sd/attention_observer.h"
#include "diffusion/networks/sd/sd_configurations.h"

namespace assay {

/// The UNet of Stable Diffusion 1.x and 2.x (diffusers' UNet2DConditionModel), keys and arithmetic.
class SdUNet {
 public:
  /// Declares its weights under `prefix`; `parameters` must outlive the network. Throws InputError for channels that
  /// the groups of a norm do not divide.
  SdUNet(Parameters& parameters, const SdUNetConfig& config, const std::string& prefix = "");
  ~SdUNet();

  /// [B, out_channels, H, W], in the type of x, from latents x [B, in_channels, H, W] of any size, time steps [B] or
  /// one for all (0-d or [1]), and states of a text [B, L, text_width()]. The network computes in the type of its
  /// weights. An observer sees official names, without the prefix. Throws InputError for other shapes.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& timesteps, const at::Tensor& text,
                        AttentionObserver* observer = nullptr) const;

  std::int64_t text_width() const { return config_.cross_attention_dim.back(); }
  const SdUNetConfig& config() const { return config_; }
  /// For one image: `walk` starts at the latents.
  void count(CostWalk& walk, std::int64_t text_tokens) const;

 private:
  struct Layers;

  SdUNetConfig config_;
  std::string prefix_;
  std::unique_ptr<Layers> layers_;
};

}  // namespace assay
