#include "metrics/generative/vendi.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/philox.h"
#include "core/student_t.h"
#include "kernels/parallel_for.h"
#include "metrics/linear_algebra/dense.h"
#include "metrics/linear_algebra/two_stage_eigenvalues.h"

namespace assay {
namespace {

constexpr std::uint64_t group_stream = std::uint64_t{1} << 47;
constexpr std::int64_t most_groups = 20;
constexpr std::int64_t tile = 128;
constexpr int two_stages_from = 384;

/// The lower triangle of rows rows^T [p, p], in tiles of which each is one thread's.
at::Tensor gram(const at::Tensor& rows) {
  const std::int64_t p = rows.size(0);
  const at::Tensor transposed = rows.t();
  at::Tensor out = at::empty({p, p}, at::kDouble);
  at::parallel_for(0, (p + tile - 1) / tile, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t first = t * tile, count = std::min(tile, p - first);
      at::Tensor block = out.narrow(0, first, count).narrow(1, 0, first + count);
      at::mm_out(block, rows.narrow(0, first, count), transposed.narrow(1, 0, first + count));
    }
  });
  return out;
}

/// The score of the symmetric matrix at(i, j), i >= j, of p rows, whose trace is spread over n rows.
template <class At>
double score(std::int64_t p, std::int64_t n, const At& at) {
  stop_if_interrupted();
  const auto size = static_cast<int>(p);
  dense::Matrix matrix(size, size);
  for (int j = 0; j < size; ++j) {
    double* column = matrix.column(j);
    for (int i = 0; i < size; ++i) column[i] = at(std::max(i, j), std::min(i, j)) / static_cast<double>(n);
  }
  std::vector<double> eigenvalues;
  if (size < two_stages_from) {
    const dense::OneThread one_thread;
    eigenvalues = dense::eigenvalues(matrix);
  } else {
    eigenvalues = two_stage_eigenvalues(matrix);
  }
  double entropy = 0.0;
  for (const double value : eigenvalues)
    if (value > 0.0) entropy -= value * std::log(value);
  return std::exp(entropy);
}

/// Rows of unit length in double, in this order.
at::Tensor unit_rows(const FeatureRows& rows, const std::vector<std::int64_t>& order) {
  at::Tensor out = at::empty({rows.count(), rows.width}, at::kDouble);
  double* to = out.mutable_data_ptr<double>();
  at::parallel_for(0, rows.count(), 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* row = rows.row(order[static_cast<std::size_t>(i)]);
      double square = 0.0;
      for (std::int64_t d = 0; d < rows.width; ++d) square += double{row[d]} * double{row[d]};
      const double scale = square > 0.0 ? 1.0 / std::sqrt(square) : 0.0;
      for (std::int64_t d = 0; d < rows.width; ++d) to[i * rows.width + d] = double{row[d]} * scale;
    }
  });
  return out;
}

}  // namespace

Vendi vendi(const FeatureRows& rows, const VendiOptions& options) {
  check_rows(rows, "generated features");
  const std::int64_t n = rows.count(), width = rows.width;
  if (n < 2) throw InputError(fmt::format("a Vendi score of {} rows; expected at least 2", n));
  RandomStream random(options.seed, Purpose::resample, group_stream);
  const bool by_rows = n <= width;  // which Gram matrix is the smaller
  at::Tensor unit = unit_rows(rows, permutation(n, random));
  if (!by_rows) unit = unit.t().contiguous();
  const at::Tensor whole = gram(unit);
  const std::int64_t p = whole.size(0);
  const double* values = whole.const_data_ptr<double>();
  Vendi out;
  out.value = score(p, n, [&](std::int64_t i, std::int64_t j) { return values[i * p + j]; });
  if (!options.interval) return out;

  const std::int64_t groups = std::min(most_groups, n);
  std::vector<double> without;
  without.reserve(static_cast<std::size_t>(groups));
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t first = g * n / groups, count = (g + 1) * n / groups - first;
    if (by_rows) {
      const auto kept = [&](std::int64_t i) { return i < first ? i : i + count; };
      without.push_back(
          score(p - count, n - count, [&](std::int64_t i, std::int64_t j) { return values[kept(i) * p + kept(j)]; }));
    } else {
      const at::Tensor left_out = gram(unit.narrow(1, first, count));
      const double* less = left_out.const_data_ptr<double>();
      without.push_back(
          score(p, n - count, [&](std::int64_t i, std::int64_t j) { return values[i * p + j] - less[i * p + j]; }));
    }
  }
  const auto count = static_cast<double>(groups);
  const double mean = std::accumulate(without.begin(), without.end(), 0.0) / count;
  double squares = 0.0;
  for (const double value : without) squares += (value - mean) * (value - mean);
  const double reach =
      std::sqrt((count - 1.0) / count * squares) * student_t_quantile((1.0 + options.level) / 2.0, count - 1.0);
  out.interval =
      ScoreInterval{.low = out.value - reach,
                    .high = out.value + reach,
                    .level = options.level,
                    .method = fmt::format("jackknife over {} groups of generated rows, Student's t", groups)};
  return out;
}

}  // namespace assay
