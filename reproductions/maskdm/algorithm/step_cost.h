#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "diffusion/networks/vit/mask_uvit.h"
#include "reproductions/maskdm/algorithm/masks.h"
#include "reproductions/maskdm/algorithm/process.h"

namespace assay::maskdm {

/// A MaskDM network in training on noise instead of images, to measure what a step costs at any mask rate: all steps
/// share the network, its optimiser state and the batch, so only what is hidden differs.
class CostedStep {
 public:
  /// `batch` images. Takes 20 bytes a parameter.
  CostedStep(const MaskUVitConfig& config, std::int64_t batch, at::Device device = at::kCPU);

  /// Seconds of one training step with masks of this kind: gradients zeroed, images noised, masked_loss() forward and
  /// backward, AdamW with the moving average. Drawing images, noise and masks is left out.
  double seconds(const MaskOptions& mask);
  /// FLOPs of that step by the network's own count: three forward passes over what is visible, of the whole batch.
  double flops(const MaskOptions& mask) const;

  std::int64_t parameters() const { return network_.parameters().count(); }

 private:
  at::Tensor visible_patches(const MaskOptions& mask) const;

  MaskUVit network_;
  Process process_{"cosine"};
  at::Tensor images_, noise_, timesteps_;
  at::Tensor first_, second_, average_;  // AdamW's moments, the moving average
  std::int64_t steps_ = 0;
};

}  // namespace assay::maskdm
