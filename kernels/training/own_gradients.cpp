#include "kernels/training/own_gradients.h"

#include <ATen/core/grad_mode.h>

namespace assay {
namespace {

thread_local bool composed = false;

bool fits(const at::Tensor& tensor) { return tensor.device().is_cpu() && tensor.scalar_type() == at::kFloat; }

}  // namespace

bool own_gradients(const at::Tensor& x, const at::Tensor& weight) {
  return !composed && at::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad()) && fits(x) &&
         fits(weight);
}

ComposedGradients::ComposedGradients() : before_(composed) { composed = true; }
ComposedGradients::~ComposedGradients() { composed = before_; }

}  // namespace assay
