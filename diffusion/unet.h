#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "diffusion/denoiser.h"
#include "diffusion/parameters.h"

namespace assay {

/// Constructor arguments of the ADM UNet under their official names (guided-diffusion unet.py, UNetModel), and the
/// condition branch of Self-Guided Diffusion's `unet_fast` on the same class.
struct UNetConfig {
  std::int64_t image_size = 16;  // pixels, informative: the network is fully convolutional
  std::int64_t in_channels = 3;
  std::int64_t model_channels = 32;                       // width; every level's width must be a multiple of 32
  std::int64_t out_channels = 3;                          // 6 with a learned variance
  std::int64_t num_res_blocks = 1;                        // per level, at least 1
  std::vector<std::int64_t> attention_resolutions = {2};  // down-sampling factors, not pixels
  double dropout = 0.0;                                   // in [0, 1), training only
  std::vector<double> channel_mult = {1, 2};              // width of each level over model_channels
  bool conv_resample = true;                              // learned convolution where resblock_updown is off
  std::optional<std::int64_t> num_classes;                // class embedding added to the time embedding (ADM)
  std::int64_t num_heads = 1;
  std::int64_t num_head_channels = -1;   // -1: num_heads decides
  std::int64_t num_heads_upsample = -1;  // -1: as num_heads
  bool use_scale_shift_norm = true;
  bool resblock_updown = true;
  bool use_new_attention_order = false;  // channels [q,k,v][head] instead of [head][q,k,v]
  std::int64_t cond_dim = 0;             // SGDM: width of the condition vector; 0: no branch
};

/// Reads a configuration; unknown keys, ranges and impossible combinations throw InputError.
UNetConfig read_unet_config(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const UNetConfig& config);

/// ADM UNet (Dhariwal and Nichol, arXiv:2105.05233) with the official state_dict keys.
class UNet : public Denoiser {
 public:
  explicit UNet(const UNetConfig& config);
  ~UNet() override;

  /// [B, out_channels, H, W] from x [B, in_channels, H, W] and timesteps [B] (integers or fractions).
  /// `classes`: [B] int64, needed exactly when num_classes is set. `condition`: [B, cond_dim] float, needed exactly
  /// when cond_dim > 0. `dropout_seed`: dropout is active and drawn from this seed; without it, evaluation mode.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& timesteps, const at::Tensor& classes,
                     const at::Tensor& condition, std::optional<std::uint64_t> dropout_seed = std::nullopt) const;

  /// eps for the condition vectors, or for the null vector where `condition` is undefined.
  at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const override;
  std::int64_t condition_size() const override { return config_.cond_dim; }

  /// `condition` with the rows where `drop` [B] is true replaced by the null vector (SGDM's published code).
  at::Tensor drop_condition(const at::Tensor& condition, const at::Tensor& drop) const;

  const UNetConfig& config() const { return config_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  struct Layers;
  UNetConfig config_;
  Parameters parameters_;
  std::unique_ptr<Layers> layers_;
};

}  // namespace assay
