#include "metrics/generative/psnr.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <cmath>

#include "core/error.h"

namespace assay {

std::vector<double> psnr(const at::Tensor& images, const at::Tensor& reference, double range) {
  if (images.dim() < 2 || images.sizes() != reference.sizes()) throw Error("PSNR: images of two shapes");
  if (!(range > 0)) throw Error(fmt::format("PSNR: a range of {}; accepted: above 0", range));
  const at::Tensor squares = (images.to(at::kDouble) - reference.to(at::kDouble)).square().flatten(1);
  const at::Tensor means = squares.mean(1).to(at::kCPU).contiguous();
  std::vector<double> out;
  out.reserve(static_cast<std::size_t>(means.numel()));
  for (std::int64_t i = 0; i < means.numel(); ++i)
    out.push_back(10 * std::log10(range * range / means.const_data_ptr<double>()[i]));
  return out;
}

}  // namespace assay
