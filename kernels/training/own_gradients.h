#pragma once
#include <ATen/core/Tensor.h>

namespace assay {

/// Whether what is made of `x` and `weight` has a gradient that the operators of this folder work out: a gradient is
/// recorded and asked of one of them, both are float32 on the CPU, and no ComposedGradients lives.
bool own_gradients(const at::Tensor& x, const at::Tensor& weight);

/// While it lives, layers that this thread calls are composed of LibTorch's operators: what ours are compared with.
class ComposedGradients {
 public:
  ComposedGradients();
  ~ComposedGradients();
  ComposedGradients(const ComposedGradients&) = delete;
  ComposedGradients& operator=(const ComposedGradients&) = delete;

 private:
  bool before_;
};

}  // namespace assay
