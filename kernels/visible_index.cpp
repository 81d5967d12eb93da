#include "kernels/visible_index.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace assay {

std::string visible_fault(const at::Tensor& visible, std::int64_t batch, std::int64_t patches, at::Device device) {
  if (visible.dim() != 2 || visible.size(0) != batch || visible.scalar_type() != at::kLong)
    return fmt::format("visible must be [{}, V] int64, got [{}] {}", batch, fmt::join(visible.sizes(), ", "),
                       c10::toString(visible.scalar_type()));
  if (visible.device() != device)
    return fmt::format("visible is on {}, the images on {}", visible.device().str(), device.str());
  const at::Tensor host = visible.to(at::kCPU).contiguous();
  const auto* number = host.const_data_ptr<std::int64_t>();
  std::vector<std::int64_t> seen_in(static_cast<std::size_t>(patches), -1);
  for (std::int64_t image = 0; image < batch; ++image) {
    for (std::int64_t v = 0; v < host.size(1); ++v, ++number) {
      if (*number < 0 || *number >= patches)
        return fmt::format("visible patch {} of image {}; accepted: 0 to {}", *number, image, patches - 1);
      std::int64_t& last = seen_in[static_cast<std::size_t>(*number)];
      if (last == image) return fmt::format("patch {} is twice in the visible ones of image {}", *number, image);
      last = image;
    }
  }
  return "";
}

at::Tensor visible_slots(const at::Tensor& visible, std::int64_t patches) {
  const at::Tensor slots = at::full({visible.size(0), patches}, -1, visible.options());
  slots.scatter_(1, visible, at::arange(visible.size(1), visible.options()).expand(visible.sizes()));
  return slots;
}

}  // namespace assay
