#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace assay {

/// The scalars of one AdamW step.
struct AdamWStep {
  double learning_rate = 1e-3;
  double beta1 = 0.9;          // in [0, 1)
  double beta2 = 0.999;        // in [0, 1)
  double epsilon = 1e-8;       // added outside the square root, as torch.optim.AdamW does
  double weight_decay = 1e-2;  // decoupled: parameters shrink by learning_rate * weight_decay
  std::int64_t step = 1;       // counted from 1, for the bias correction
  double grad_scale = 1.0;     // multiplies the gradients first: clipping, or undoing a loss scale
  double ema_decay = 0.0;      // ema = ema_decay * ema + (1 - ema_decay) * parameters, after the step
};

/// One AdamW step (Loshchilov & Hutter, arXiv:1711.05101, Algorithm 2, in torch.optim.AdamW's form) and the moving
/// average of the parameters, in one pass over flat buffers. `parameters`, `first` and `second` moments and `ema`
/// (where given) are changed in place; `gradients` is only read. All are contiguous float32 [n] on one device.
/// Each element's bits depend on that element alone. Call it without gradient recording.
/// Throws c10::Error on differing shapes, types, devices, or scalars out of range.
void adamw_step(const at::Tensor& parameters, const at::Tensor& gradients, const at::Tensor& first,
                const at::Tensor& second, const std::optional<at::Tensor>& ema, const AdamWStep& step);

}  // namespace assay
