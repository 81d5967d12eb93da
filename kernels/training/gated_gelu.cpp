#include "kernels/training/gated_gelu.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "core/error.h"
#include "kernels/inference/lanes.h"
#include "kernels/inference/normal_lanes.h"
#include "kernels/parallel_for.h"

namespace assay {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t rows_at_once = 64;  // of a task

struct GatedGelu : torch::autograd::Function<GatedGelu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x) {
    const at::Tensor rows = x.contiguous();
    context->save_for_backward({rows});
    std::vector<std::int64_t> sizes = x.sizes().vec();
    const std::int64_t width = sizes.back() /= 2, count = width > 0 ? x.numel() / (2 * width) : 0;
    at::Tensor result = at::empty(sizes, x.options());
    const float* from = rows.const_data_ptr<float>();
    auto* to = result.mutable_data_ptr<float>();
    at::parallel_for(0, count, rows_at_once, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row)
        for (std::int64_t i = 0; i < width; i += lane_count) {
          const float* value = from + row * 2 * width + i;
          const Lanes g = lanes_at(value + width);
          NormalLanes normal;
          set_normal(g, normal);
          put_lanes(to + row * width + i, lanes_at(value) * (g * normal.share));
        }
    });
    return result;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    if (at::GradMode::is_enabled()) throw Error("gated_gelu: differentiable once");
    const at::Tensor rows = context->get_saved_variables()[0], gradient = gradients[0].contiguous();
    at::Tensor result = at::empty_like(rows);
    const std::int64_t width = gradient.size(-1), count = width > 0 ? gradient.numel() / width : 0;
    const float *from = rows.const_data_ptr<float>(), *slopes = gradient.const_data_ptr<float>();
    auto* to = result.mutable_data_ptr<float>();
    at::parallel_for(0, count, rows_at_once, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row)
        for (std::int64_t i = 0; i < width; i += lane_count) {
          const std::int64_t at = row * 2 * width + i;
          const Lanes a = lanes_at(from + at), g = lanes_at(from + at + width),
                      slope = lanes_at(slopes + row * width + i);
          NormalLanes normal;
          set_normal(g, normal);
          put_lanes(to + at, slope * (g * normal.share));
          put_lanes(to + at + width, slope * a * (normal.share + g * normal.density));
        }
    });
    return {result};
  }
};

}  // namespace

bool gated_gelu_takes(std::int64_t values) { return values % (2 * lane_count) == 0; }

at::Tensor gated_gelu_with_gradient(const at::Tensor& x) {
  if (!x.device().is_cpu() || x.scalar_type() != at::kFloat || x.dim() == 0 || !gated_gelu_takes(x.size(-1)))
    throw Error("gated_gelu: rows must be float32 on the CPU, of 16 n values");
  return GatedGelu::apply(x);
}

}  // namespace assay
