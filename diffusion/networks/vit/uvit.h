#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "diffusion/denoiser.h"
#include "diffusion/networks/network_cost.h"
#include "diffusion/networks/parameters.h"
#include "diffusion/networks/vit/vit_trunk.h"

namespace assay {

/// Constructor arguments of U-ViT under their official names (libs/uvit.py).
struct UVitConfig : VitTrunkConfig {
  bool conv = true;  // a 3x3 convolution in image space at the end
  bool skip = true;  // long skip connections
};

/// Reads a configuration; unknown keys, ranges and impossible combinations throw InputError.
UVitConfig read_uvit_config(const nlohmann::json& object, const std::string& where);

/// U-ViT (Bao et al., arXiv:2209.12152) with the official state_dict keys. Time steps are what the caller gives: its
/// score models pass 999 t of a continuous t in [0, 1].
class UVit : public Denoiser {
 public:
  explicit UVit(const UVitConfig& config);

  /// [B, C, H, W] from x of that shape, timesteps [B] and labels [B] int64, needed exactly where there are classes.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& timesteps, const at::Tensor& labels = {}) const;

  /// `condition`: one-hot rows over num_classes; undefined: the last class, which is the null class of networks trained
  /// for classifier-free guidance.
  at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const override;
  std::int64_t condition_size() const override { return config_.num_classes > 0 ? config_.num_classes : 0; }

  /// For one image.
  NetworkCost cost() const;

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  UVitConfig config_;
  Parameters parameters_;
  VitTrunk trunk_;
  Linear to_pixels_;
  std::optional<Conv2d> final_;
};

}  // namespace assay
