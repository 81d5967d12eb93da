#include "kernels/inference/panels.h"

#include <algorithm>
#include <type_traits>

#include "core/error.h"
#include "kernels/inference/large_block.h"
#include "kernels/inference/stored_weights.h"
#include "kernels/parallel_for.h"

namespace assay {
namespace {

/// [panels, outer * inner, 16] of weights [out, ...] whose value (outer, inner) of an output is at
/// outer * outer_stride + inner * inner_stride from its first.
at::Tensor in_panels(const at::Tensor& weight, std::int64_t outer, std::int64_t outer_stride, std::int64_t inner,
                     std::int64_t inner_stride) {
  if (!weight.device().is_cpu()) throw Error("panels: weights must be on the CPU");
  const at::Tensor whole = weight.contiguous();
  const std::int64_t outputs = weight.size(0), values = outer * inner;
  const std::int64_t panels = (outputs + panel_width - 1) / panel_width;
  at::Tensor packed = large_block({panels, values, panel_width}, at::MemoryFormat::Contiguous, weight.scalar_type());
  with_stored(whole, [&](const auto* from) {
    using Weight = std::remove_cvref_t<decltype(*from)>;
    auto* to = packed.mutable_data_ptr<Weight>();
    at::parallel_for(0, panels, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t panel = begin; panel < end; ++panel) {
        const std::int64_t first = panel * panel_width, count = std::min(panel_width, outputs - first);
        for (std::int64_t o = 0; o < outer; ++o)
          for (std::int64_t i = 0; i < inner; ++i)
            for (std::int64_t lane = 0; lane < panel_width; ++lane)
              to[(panel * values + o * inner + i) * panel_width + lane] =
                  lane < count ? from[(first + lane) * values + o * outer_stride + i * inner_stride] : Weight(0.0f);
      }
    });
  });
  return packed;
}

}  // namespace

at::Tensor matrix_panels(const at::Tensor& weight) { return in_panels(weight, 1, 0, weight.size(1), 1); }

at::Tensor window_panels(const at::Tensor& weight) {
  const std::int64_t in = weight.size(1), window = weight.size(2) * weight.size(3);
  return in_panels(weight, window, 1, in, window);
}

at::Tensor filter_panels(const at::Tensor& weight) {
  if (weight.size(2) != 3 || weight.size(3) != 3) throw Error("panels: filters must be 3x3");
  return in_panels(weight, weight.size(1), 9, 9, 1).view({-1, weight.size(1), 9, panel_width});
}

MultiplyPanels multiply_panels() {
#if defined(__x86_64__)
  static const MultiplyPanels best = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                                             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
                                         ? multiply_panels_v4
                                         : multiply_panels_v3;
  return best;
#else
  return multiply_panels_v3;
#endif
}

}  // namespace assay
