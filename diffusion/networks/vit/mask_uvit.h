#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "diffusion/networks/network_cost.h"
#include "diffusion/networks/parameters.h"
#include "diffusion/networks/trainable_denoiser.h"
#include "diffusion/networks/vit/vit_trunk.h"

namespace assay {

/// Constructor arguments of MaskDM's networks under their official names (models/mask_uvit.py, MaskedUViT, and with
/// data_chans the first release's MaskedDWTUViT, level and scale 1); encoder_embed_dim, encoder_depth and encoder_heads
/// are the trunk's embed_dim, depth and num_heads.
struct MaskUVitConfig : VitTrunkConfig {
  /// Of the images that x stands for.
  std::int64_t image_side() const { return data_chans > 0 ? 2 * img_size : img_size; }
  std::int64_t image_chans() const { return data_chans > 0 ? data_chans : in_chans; }
};

/// Reads a configuration; unknown keys, ranges and impossible combinations throw InputError.
MaskUVitConfig read_mask_uvit_config(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const MaskUVitConfig& config);

/// MaskDM's network (Lei et al., arXiv:2306.11363) with the official state_dict keys: U-ViT's trunk, which can be shown
/// a part of the patches alone.
class MaskUVit : public TrainableDenoiser {
 public:
  explicit MaskUVit(const MaskUVitConfig& config);

  /// [B, C, H, W] from x of that shape, timesteps [B] and labels [B] int64; with classes, -1 and no labels at all are
  /// the null label.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& timesteps, const at::Tensor& labels = {}) const;
  /// Of the patches `visible` [B, V] alone, a tensor a band: [B, V, p p C], pixels in the order of patch_targets();
  /// with wavelets [B, V / 2, p p C] of the approximation and of the details. Hidden pixels have no influence and get
  /// no gradient.
  std::vector<at::Tensor> forward_visible(const at::Tensor& x, const at::Tensor& timesteps, const at::Tensor& visible,
                                          const at::Tensor& labels = {}) const;

  /// `condition`: one-hot rows over num_classes, or rows of zeros for the null label.
  at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const override;
  /// The published network has no dropout.
  at::Tensor predict_in_training(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition,
                                 std::uint64_t /*dropout_seed*/) const override {
    return predict(x, timesteps, condition);
  }
  /// Labels [B] of one-hot rows, -1 for rows of zeros; undefined where there is no condition.
  at::Tensor labels_of(const Condition& condition) const;
  Condition drop_condition(const Condition& condition, const at::Tensor& drop) const override;
  std::int64_t condition_size() const override { return config_.num_classes > 0 ? config_.num_classes : 0; }

  /// For one image of which `visible` patches of every band are seen; all of them without a number.
  NetworkCost cost(std::int64_t visible = 0) const;

  const MaskUVitConfig& config() const { return config_; }
  Parameters& parameters() override { return parameters_; }
  const Parameters& parameters() const override { return parameters_; }

 private:
  MaskUVitConfig config_;
  Parameters parameters_;
  VitTrunk trunk_;
  std::vector<Linear> to_pixels_;  // a band each
};

}  // namespace assay
