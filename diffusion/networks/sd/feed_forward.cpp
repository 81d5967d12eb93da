#include "diffusion/networks/sd/feed_forward.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>

#include <algorithm>
#include <vector>

#include "kernels/inference/gated_gelu.h"
#include "kernels/training/gated_gelu.h"
#include "kernels/training/own_gradients.h"

namespace assay {
namespace {

/// Rows at a time where no gradient is recorded: what a row has eight times the width of lies in the cache then, and
/// memory does not grow with it.
constexpr std::int64_t rows_at_once = 512;

/// a * gelu(g) of rows [a, g].
at::Tensor gated(const at::Tensor& both, bool in_panels) {
  if (in_panels) return gated_gelu(both);
  const std::vector<at::Tensor> halves = both.chunk(2, 1);
  return at::gelu(halves[1]).mul_(halves[0]);
}

}  // namespace

GatedFeedForward::GatedFeedForward(Parameters& p, const std::string& name, std::int64_t width)
    : gated_(p, name + ".net.0.proj", width, 8 * width), out_(p, name + ".net.2", 4 * width, width) {}

at::Tensor GatedFeedForward::operator()(const at::Tensor& x, const at::Tensor& residual) const {
  if (at::GradMode::is_enabled()) {
    const at::Tensor both = gated_(x);  // values, gates
    if (own_gradients(both, both) && gated_gelu_takes(both.size(2)))
      return out_.plus(gated_gelu_with_gradient(both), residual);
    const std::vector<at::Tensor> halves = both.chunk(2, 2);
    return residual + out_(halves[0] * at::gelu(halves[1]));
  }
  const at::Tensor rows = x.reshape({-1, x.size(2)}), added = residual.reshape({-1, x.size(2)});
  at::Tensor result = at::empty_like(rows);
  for (std::int64_t begin = 0; begin < rows.size(0); begin += rows_at_once) {
    const std::int64_t count = std::min(rows_at_once, rows.size(0) - begin);
    const at::Tensor both = gated_(rows.narrow(0, begin, count));
    result.narrow(0, begin, count).copy_(out_.plus(gated(both, gated_.in_panels()), added.narrow(0, begin, count)));
  }
  return result.view(x.sizes());
}

void GatedFeedForward::count(CostWalk& walk, std::int64_t rows) const {
  gated_.count(walk, rows);
  out_.count(walk, rows);
}

}  // namespace assay
