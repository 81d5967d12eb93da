#pragma once
#include <ATen/core/Tensor.h>

#include <functional>

namespace assay {

/// function(x, condition) of which autograd keeps the two arguments alone: nothing is recorded inside, and the backward
/// pass evaluates it once more with recording, so that no more than one such evaluation is held at a time. The function
/// must give the same values for the same arguments, and what else it reads gets no gradient. Differentiable once, in
/// whichever argument requires it; without recording, or where neither does, it is a plain call. An argument that the
/// value does not depend on gets no gradient.
at::Tensor recomputed(const std::function<at::Tensor(const at::Tensor& x, const at::Tensor& condition)>& function,
                      const at::Tensor& x, const at::Tensor& condition);

}  // namespace assay
