#pragma once
#include <ATen/core/Tensor.h>

#include "diffusion/networks/vit/mask_uvit.h"

namespace assay::maskdm {

/// What a network of `config` is trained on, from images [B, C, H, W] in [-1, 1]: these images; with wavelets
/// [B, 4 C, H / 2, W / 2], their one-level orthonormal Haar bands (gaussian_ddpm.py of MaskDM's first release, on
/// pywt.dwt2): the approximation a of the image in [0, 1] as 2 a - 1, in [-1, 3], then the horizontal, vertical and
/// diagonal details in [-1, 1], all channels of one after those of the other.
at::Tensor network_input(const MaskUVitConfig& config, const at::Tensor& images);

/// The inverse, as images in [0, 1].
at::Tensor image_of_input(const MaskUVitConfig& config, const at::Tensor& x);

/// x with every value where network_input() can have it: what a predicted x_0 is clipped to.
at::Tensor clip_input(const MaskUVitConfig& config, const at::Tensor& x);

}  // namespace assay::maskdm
