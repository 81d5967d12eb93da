#include "diffusion/process/dynamic_threshold.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/quantile.h>
#include <fmt/format.h>

#include "core/error.h"

namespace assay {

at::Tensor dynamic_threshold(const at::Tensor& x0, double ratio, double max_value) {
  if (!(ratio >= 0 && ratio <= 1))
    throw InputError(fmt::format("dynamic thresholding: quantile {}; accepted: 0 to 1", ratio));
  if (!(max_value > 0))
    throw InputError(fmt::format("dynamic thresholding: largest value {}; accepted: above 0", max_value));
  const at::Tensor flat = x0.flatten(1);
  const at::Tensor s = at::quantile(flat.abs(), ratio, 1, true).clamp(1.0, max_value);
  return (at::maximum(at::minimum(flat, s), -s) / s).view(x0.sizes());
}

}  // namespace assay
