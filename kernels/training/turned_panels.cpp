#include "kernels/training/turned_panels.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "core/error.h"
#include "kernels/inference/panel_tile.h"
#include "kernels/parallel_for.h"

namespace assay {

at::Tensor turned_panels(const at::Tensor& weight) {
  if (!weight.device().is_cpu() || weight.scalar_type() != at::kFloat || !weight.is_contiguous() || weight.dim() < 2)
    throw Error("turned_panels: weights must be contiguous float32 on the CPU");
  const std::int64_t outputs = weight.size(0), inputs = weight.size(1),
                     panels = (inputs + panel_width - 1) / panel_width;
  const std::int64_t taps = weight.dim() == 4 ? weight.size(2) * weight.size(3) : 1;
  at::Tensor packed = taps == 1 ? at::empty({panels, outputs, panel_width}, weight.options())
                                : at::empty({panels, outputs, taps, panel_width}, weight.options());
  if (packed.numel() == 0) return packed;
  const float* from = weight.const_data_ptr<float>();
  auto* to = packed.mutable_data_ptr<float>();
  at::parallel_for(0, panels, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel) {
      const std::int64_t first = panel * panel_width, count = std::min(panel_width, inputs - first);
      for (std::int64_t output = 0; output < outputs; ++output) {
        const float* of_output = from + (output * inputs + first) * taps;
        float* row = to + (panel * outputs + output) * taps * panel_width;
        if (count < panel_width) std::fill_n(row, taps * panel_width, 0.0f);
        for (std::int64_t lane = 0; lane < count; ++lane)
          for (std::int64_t tap = 0; tap < taps; ++tap)
            row[(taps - 1 - tap) * panel_width + lane] = of_output[lane * taps + tap];
      }
    }
  });
  return packed;
}

}  // namespace assay
