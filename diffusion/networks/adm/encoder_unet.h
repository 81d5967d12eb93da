#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "diffusion/classifier.h"
#include "diffusion/networks/adm/unet_torso.h"
#include "diffusion/networks/network_cost.h"
#include "diffusion/networks/parameters.h"

namespace assay {

/// Constructor arguments of ADM's noisy classifier under their official names (guided-diffusion unet.py,
/// EncoderUNetModel); out_channels is the number of classes.
struct EncoderUNetConfig : TorsoConfig {
  /// What turns activations into logits:
  ///   adaptive    mean over positions of the last one
  ///   attention   its mean as a token that attends to all positions; needs num_head_channels
  ///   spatial     the means of every block's activation, through two layers; spatial_v2 normalises between them
  std::string pool = "adaptive";
};

/// Reads a configuration; unknown keys, ranges and impossible combinations throw InputError.
EncoderUNetConfig read_encoder_unet_config(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const EncoderUNetConfig& config);

/// ADM's noisy classifier (Dhariwal and Nichol, arXiv:2105.05233) with the official state_dict keys.
class EncoderUNet : public Classifier {
 public:
  explicit EncoderUNet(const EncoderUNetConfig& config);
  ~EncoderUNet() override;

  /// Logits [B, out_channels], float32, from x [B, in_channels, H, W] and timesteps [B]. `dropout_seed`: dropout is
  /// active and drawn from this seed; without it, evaluation mode. Attention pooling takes images of image_size alone.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& timesteps,
                     std::optional<std::uint64_t> dropout_seed = std::nullopt) const;

  at::Tensor logits(const at::Tensor& x, const at::Tensor& timesteps) const override { return forward(x, timesteps); }
  std::int64_t classes() const override { return config_.out_channels; }

  /// Runs the torso in float16 or bfloat16 from here on, casting what the official convert_to_fp16 casts (see
  /// cast_torso); logits stay float32. Load weights first; the network can then only predict.
  void convert_to(at::ScalarType type);

  /// For one image of image_size pixels.
  NetworkCost cost() const;

  const EncoderUNetConfig& config() const { return config_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  struct Layers;
  EncoderUNetConfig config_;
  Parameters parameters_;
  std::unique_ptr<Layers> layers_;
  at::ScalarType type_ = at::kFloat;  // of the torso
};

}  // namespace assay
