#include "metrics/features/blocked_linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "kernels/one_thread_each.h"

namespace assay {
namespace {

constexpr std::int64_t block_rows = 16, block_outputs = 512;

std::int64_t blocks_of(std::int64_t whole, std::int64_t block) { return (whole + block - 1) / block; }

}  // namespace

at::Tensor blocked_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (!x.is_cpu()) return at::linear(x, weight, bias);
  const std::int64_t n = x.size(0), outputs = weight.size(0), rows = blocks_of(n, block_rows) * block_rows;
  at::Tensor filled = x.contiguous();
  if (rows != n) {
    filled = at::zeros({rows, x.size(1)}, x.options());
    filled.narrow(0, 0, n).copy_(x);
  }
  const at::Tensor y = at::empty({rows, outputs}, x.options());
  const std::int64_t across = blocks_of(outputs, block_outputs);
  one_thread_each(at::kCPU, rows / block_rows * across, [&](std::int64_t block) {
    const std::int64_t row = block / across * block_rows, first = block % across * block_outputs;
    const std::int64_t count = std::min(block_outputs, outputs - first);
    at::Tensor part = y.narrow(0, row, block_rows).narrow(1, first, count);
    part.copy_(at::mm(filled.narrow(0, row, block_rows), weight.narrow(0, first, count).t()));
  });
  const at::Tensor asked = y.narrow(0, 0, n);
  return bias.defined() ? asked + bias : asked;
}

}  // namespace assay
