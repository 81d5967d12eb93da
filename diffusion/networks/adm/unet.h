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

/// Constructor arguments of the ADM UNet under their official names (guided-diffusion unet.py, UNetModel), and the
/// condition branch of Self-Guided Diffusion's `unet_fast` on the same class.
struct UNetConfig : TorsoConfig, ConditionConfig {
  std::optional<std::int64_t> num_classes;  // class embedding added to the time embedding (ADM); excludes cond_dim
};

/// Reads a configuration; unknown keys, ranges and impossible combinations throw InputError.
UNetConfig read_unet_config(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const UNetConfig& config);

/// ADM UNet (Dhariwal and Nichol, arXiv:2105.05233) with the official state_dict keys.
class UNet : public TrainableDenoiser {
 public:
  explicit UNet(const UNetConfig& config);
  ~UNet() override;

  /// [B, out_channels, H, W] from x [B, in_channels, H, W] and timesteps [B] (integers or fractions).
  /// `classes`: [B] int64, needed exactly when num_classes is set. `condition`: needed exactly when cond_dim > 0, with
  /// a layout exactly when layout_dim > 0. `dropout_seed`: dropout is active and drawn from this seed; without it,
  /// evaluation mode. Throws InputError for other sizes and for classes out of range.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& timesteps, const at::Tensor& classes,
                     const Condition& condition, std::optional<std::uint64_t> dropout_seed = std::nullopt) const;

  /// eps (and the variance where learned) for the condition, or for the null condition where it is undefined. With
  /// num_classes the rows are one-hot over the classes; such a network has no null class, so an undefined condition
  /// throws InputError.
  at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const override;
  at::Tensor predict_in_training(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition,
                                 std::uint64_t dropout_seed) const override;
  std::int64_t condition_size() const override { return config_.num_classes.value_or(config_.cond_dim); }
  std::int64_t layout_channels() const override { return config_.layout_dim; }
  bool learned_variance() const override { return config_.out_channels == 2 * config_.in_channels; }
  bool has_null_condition() const override { return !config_.num_classes; }

  /// `condition` with the rows where `drop` [B] is true replaced by the null condition (SGDM's published code). Throws
  /// InputError on a network that has none.
  Condition drop_condition(const Condition& condition, const at::Tensor& drop) const override;
  at::Tensor drop_condition(const at::Tensor& condition, const at::Tensor& drop) const {
    return drop_condition(Condition(condition), drop).vector;
  }

  /// Runs the torso in float16 or bfloat16 from here on, casting what the official convert_to_fp16 casts (see
  /// cast_torso); inputs and outputs stay float32. Load weights first; the network can then only predict.
  void convert_to(at::ScalarType type);

  /// For one image of image_size pixels.
  NetworkCost cost() const;

  const UNetConfig& config() const { return config_; }
  Parameters& parameters() override { return parameters_; }
  const Parameters& parameters() const override { return parameters_; }

 private:
  at::Tensor evaluate(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition,
                      std::optional<std::uint64_t> dropout_seed) const;

  struct Layers;
  UNetConfig config_;
  Parameters parameters_;
  std::unique_ptr<Layers> layers_;
  at::ScalarType type_ = at::kFloat;  // of the torso
};

}  // namespace assay
