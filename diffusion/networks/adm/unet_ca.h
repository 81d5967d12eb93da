#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "diffusion/networks/adm/condition_input.h"
#include "diffusion/networks/adm/unet_torso.h"
#include "diffusion/networks/network_cost.h"
#include "diffusion/networks/parameters.h"
#include "diffusion/networks/trainable_denoiser.h"

namespace assay {

/// Constructor arguments of Self-Guided Diffusion's network for boxes and masks, `unetca_fast`, under their official
/// names (openaimodel_ca.py, UNetModel with use_ca_block).
struct UNetCaConfig : TorsoConfig, ConditionConfig {
  UNetCaConfig() {
    use_scale_shift_norm = false;
    resblock_updown = false;
  }
  std::int64_t context_dim = 32;    // width of a token
  std::int64_t cond_token_num = 1;  // 1: with a condition vector; 0: without, then cond_dim is 0
};

/// Reads a configuration; unknown keys, ranges and impossible combinations throw InputError.
UNetCaConfig read_unet_ca_config(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const UNetCaConfig& config);

/// Self-Guided Diffusion's cross-attention network with the official state_dict keys. The condition vector enters the
/// embedding and, with the time, as tokens that every attention block sees; a layout enters as further image channels.
class UNetCa : public TrainableDenoiser {
 public:
  explicit UNetCa(const UNetCaConfig& config);
  ~UNetCa() override;

  /// [B, out_channels, H, W] from x [B, in_channels, H, W] and timesteps [B] (integers or fractions). `condition`: with
  /// a vector exactly when cond_dim > 0 and a layout exactly when layout_dim > 0; InputError otherwise. `dropout_seed`:
  /// dropout is active and drawn from this seed; without it, evaluation mode.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition,
                     std::optional<std::uint64_t> dropout_seed = std::nullopt) const;

  /// eps for the condition, or for the null condition where it is undefined.
  at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const override;
  at::Tensor predict_in_training(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition,
                                 std::uint64_t dropout_seed) const override;
  std::int64_t condition_size() const override { return config_.cond_dim; }
  std::int64_t layout_channels() const override { return config_.layout_dim; }
  bool learned_variance() const override { return config_.out_channels == 2 * config_.in_channels; }

  /// `condition` with the rows where `drop` [B] is true replaced by the null condition: vector and layout together.
  Condition drop_condition(const Condition& condition, const at::Tensor& drop) const override;

  /// For one image of image_size pixels.
  NetworkCost cost() const;

  const UNetCaConfig& config() const { return config_; }
  Parameters& parameters() override { return parameters_; }
  const Parameters& parameters() const override { return parameters_; }

 private:
  struct Layers;
  UNetCaConfig config_;
  Parameters parameters_;
  std::unique_ptr<Layers> layers_;
};

}  // namespace assay
