#pragma once
#include <ATen/core/Tensor.h>

#include <limits>

namespace assay {

/// Dynamic thresholding (Saharia et al., arXiv:2205.11487, section 2.3): of each sample x0[b], s is the quantile
/// `ratio` of |x0[b]| (linear interpolation), at least 1 and at most `max_value`; the result is clamp(x0, -s, s) / s.
/// `x0` [B, ...] float32, any device. Self-Guided Diffusion's "dtp" is the ratio, without a `max_value`. As in
/// diffusers a `max_value` below 1 wins over the lower bound. Throws InputError unless 0 <= ratio <= 1 and
/// max_value > 0.
at::Tensor dynamic_threshold(const at::Tensor& x0, double ratio,
                             double max_value = std::numeric_limits<double>::infinity());

}  // namespace assay
