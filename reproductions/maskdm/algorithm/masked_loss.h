#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "diffusion/networks/vit/mask_uvit.h"
#include "reproductions/maskdm/algorithm/process.h"

namespace assay::maskdm {

/// The loss of a masked training step and what led to it.
struct MaskedLoss {
  at::Tensor x_t;                  // [B, C, H, W]
  std::vector<at::Tensor> output;  // as MaskUVit::forward_visible()
  at::Tensor loss;                 // scalar
};

/// Masked denoising score matching (MaskDM, arXiv:2306.11363): the whole image is noised, the network sees the patches
/// `visible` [B, V] (undefined: all), and the plain mean is taken over their values alone, without a weight for how few
/// they are; with wavelets, the mean over the approximation's plus that over the details'. With nothing hidden and no
/// wavelets it is DDPM's simple loss. `weight` [B], where given, weighs the mean of each image. `x_start` [B, C, H, W]
/// as network_input() gives it, `t` [B] int64.
MaskedLoss masked_loss(const MaskUVit& network, const Process& process, const at::Tensor& x_start, const at::Tensor& t,
                       const at::Tensor& noise, const at::Tensor& visible, const at::Tensor& labels = {},
                       Objective objective = Objective::pred_noise, Loss loss = Loss::l2,
                       const at::Tensor& weight = {});

}  // namespace assay::maskdm
