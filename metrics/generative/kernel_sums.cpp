#include "metrics/generative/kernel_sums.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "core/interrupt.h"
#include "kernels/parallel_for.h"

namespace assay {
namespace {

constexpr std::int64_t tile = 512;
constexpr std::int64_t chunk = 32;  // rows of a tile that one thread multiplies with the weights

/// k(x, y) - 1 = s (3 + 3 s + s^2) for s = x.y / d, from float32 products.
void kernel_of_products(float* products, double* kernel, std::int64_t n, double scale) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double s = static_cast<double>(products[i]) * scale;
    kernel[i] = s * (3.0 + s * (3.0 + s));
    products[i] = static_cast<float>(kernel[i]);
  }
}

std::vector<double> squared_lengths(const at::Tensor& rows) {
  const std::int64_t width = rows.size(1);
  std::vector<double> out(static_cast<std::size_t>(rows.size(0)), 0.0);
  const float* row = rows.const_data_ptr<float>();
  for (double& sum : out)
    for (std::int64_t d = 0; d < width; ++d, ++row) sum += double{*row} * double{*row};
  return out;
}

// Panels of `tile` rows of K at a time, so that the memory is O(m). Fixed tiles, each summed by one thread: the bits do
// not depend on how many threads there are. With `itself` only tiles on and above the diagonal are worked out.
//
// `of_products(products, kernel, count, row, column)` turns the products of one row of x with `count` rows of y into
// kernel values less 1, in double and rounded to float32 in place.
template <class OfProducts>
KernelSums sums_of(const at::Tensor& x, const at::Tensor& y, bool itself, const RowWeights& weights, bool with_columns,
                   const OfProducts& of_products) {
  const std::int64_t n = x.size(0), m = y.size(0);
  const bool draws = weights.draws.defined() && weights.draws.size(1) > 0;
  KernelSums out;
  out.exact = at::zeros({n, weights.exact.size(1)}, at::kDouble);
  if (draws) out.draws = at::zeros({n, weights.draws.size(1)}, at::kFloat);
  if (with_columns) out.columns = at::zeros({m}, at::kDouble);
  const at::Tensor transposed = y.t();
  const at::Tensor products = at::empty({std::min(tile, n), m}, at::kFloat);
  const at::Tensor kernel = at::empty({std::min(tile, n), m}, at::kDouble);
  for (std::int64_t first = 0; first < n; first += tile) {
    stop_if_interrupted();
    const std::int64_t count = std::min(tile, n - first), start = itself ? first : 0;
    const at::Tensor rows = x.narrow(0, first, count);
    at::parallel_for(0, (m - start + tile - 1) / tile, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) {
        const std::int64_t column = start + t * tile, columns = std::min(tile, m - column);
        at::Tensor block = products.narrow(0, 0, count).narrow(1, column, columns);
        const at::Tensor values = kernel.narrow(0, 0, count).narrow(1, column, columns);
        at::mm_out(block, rows, transposed.narrow(1, column, columns));
        float* from = block.mutable_data_ptr<float>();
        double* to = values.mutable_data_ptr<double>();
        for (std::int64_t i = 0; i < count; ++i) {
          of_products(from + i * m, to + i * m, columns, first + i, column);
          if (itself && column == first) to[i * m + i] = from[i * m + i] = 0.0f;
        }
        if (itself && column > first) {
          out.exact.narrow(0, column, columns).add_(at::mm(values.t(), weights.exact.narrow(0, first, count)));
          if (draws)
            out.draws.narrow(0, column, columns).add_(at::mm(block.t(), weights.draws.narrow(0, first, count)));
        }
        if (with_columns) {
          double* sums = out.columns.mutable_data_ptr<double>() + column;
          for (std::int64_t i = 0; i < count; ++i)
            for (std::int64_t j = 0; j < columns; ++j) sums[j] += to[i * m + j];
        }
      }
    });
    at::parallel_for(0, (count + chunk - 1) / chunk, 1, [&](std::int64_t begin, std::int64_t end) {
      const auto times = [&](const at::Tensor& sums, const at::Tensor& panel, const at::Tensor& right, std::int64_t row,
                             std::int64_t some) {
        sums.narrow(0, first + row, some)
            .add_(at::mm(panel.narrow(0, row, some).narrow(1, start, m - start), right.narrow(0, start, m - start)));
      };
      for (std::int64_t c = begin; c < end; ++c) {
        const std::int64_t row = c * chunk, some = std::min(chunk, count - row);
        times(out.exact, kernel, weights.exact, row, some);
        if (draws) times(out.draws, products, weights.draws, row, some);
      }
    });
  }
  return out;
}

}  // namespace

KernelSums kernel_sums(const at::Tensor& x, const at::Tensor& y, bool itself, const RowWeights& weights,
                       bool with_columns) {
  const double scale = 1.0 / static_cast<double>(x.size(1));
  return sums_of(x, y, itself, weights, with_columns,
                 [scale](float* products, double* kernel, std::int64_t count, std::int64_t, std::int64_t) {
                   kernel_of_products(products, kernel, count, scale);
                 });
}

KernelSums gaussian_kernel_sums(const at::Tensor& x, const at::Tensor& y, bool itself, double gamma,
                                const RowWeights& weights) {
  const std::vector<double> of_x = squared_lengths(x), of_y = itself ? of_x : squared_lengths(y);
  return sums_of(x, y, itself, weights, false,
                 [&](float* products, double* kernel, std::int64_t count, std::int64_t row, std::int64_t column) {
                   const double own = of_x[static_cast<std::size_t>(row)];
                   const double* other = of_y.data() + column;
                   for (std::int64_t j = 0; j < count; ++j) {
                     const double squared = own + other[j] - 2.0 * static_cast<double>(products[j]);
                     kernel[j] = std::expm1(-gamma * std::max(squared, 0.0));
                     products[j] = static_cast<float>(kernel[j]);
                   }
                 });
}

double kernel_total(const at::Tensor& x, const at::Tensor& y, bool itself) {
  constexpr std::int64_t panel_rows = 256;
  constexpr std::int64_t lanes = 8;
  const std::int64_t n = x.size(0), m = y.size(0);
  const double scale = 1.0 / static_cast<double>(x.size(1));
  const auto kernel = [scale](float product) {
    const double s = static_cast<double>(product) * scale;
    return s * (3.0 + s * (3.0 + s));
  };
  const at::Tensor transposed = y.t(), panel = at::empty({std::min(panel_rows, n), m}, at::kFloat);
  const float* products = panel.const_data_ptr<float>();
  double total = 0.0;
  for (std::int64_t first = 0; first < n; first += panel_rows) {
    stop_if_interrupted();
    const std::int64_t count = std::min(panel_rows, n - first), start = itself ? first : 0;
    at::Tensor block = panel.narrow(0, 0, count).narrow(1, start, m - start);
    at::mm_out(block, x.narrow(0, first, count), transposed.narrow(1, start, m - start));
    for (std::int64_t i = 0; i < count; ++i) {
      const float* row = products + i * m;
      double sums[lanes] = {};
      std::int64_t j = itself ? first + i + 1 : 0;
      for (; j + lanes <= m; j += lanes)
        for (std::int64_t l = 0; l < lanes; ++l) sums[l] += kernel(row[j + l]);
      for (; j < m; ++j) sums[0] += kernel(row[j]);
      const double sum = std::accumulate(sums, sums + lanes, 0.0);
      total += itself ? 2.0 * sum : sum;
    }
  }
  return total;
}

}  // namespace assay
