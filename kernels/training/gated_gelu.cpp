#include "kernels/training/gated_gelu.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "core/error.h"
#include "kernels/inference/lanes.h"
#include "kernels/parallel_for.h"

namespace assay {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t rows_at_once = 64;  // of a task

/// The normal distribution at g: its share below, and its density.
struct Normal {
  Lanes share, density;
};

[[gnu::always_inline]] inline void set_normal(const Lanes& g, Normal& normal) {
  const Lanes bell = exponential(g * g * -0.5f);
  const Lanes magnitude = (g < 0.0f ? -g : g) * 0.70710678f;
  const Lanes t = 1.0f / (magnitude * 0.3275911f + 1.0f);
  Lanes sum = t * 1.061405429f - 1.453152027f;
  sum = sum * t + 1.421413741f;
  sum = sum * t - 0.284496736f;
  sum = sum * t + 0.254829592f;
  const Lanes beyond = sum * t * bell * 0.5f;
  normal.share = g < 0.0f ? beyond : 1.0f - beyond;
  normal.density = bell * 0.39894228f;
}

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
          Normal normal;
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
          Normal normal;
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
