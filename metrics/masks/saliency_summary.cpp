#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "metrics/masks/saliency_evaluator.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::vector<double> column_means(std::size_t columns, std::span<const double> table,
                                 std::span<const std::int64_t> used) {
  std::vector<double> means(columns, 0.0);
  for (const std::int64_t image : used)
    for (std::size_t c = 0; c < columns; ++c) means[c] += table[static_cast<std::size_t>(image) * columns + c];
  for (double& mean : means) mean /= static_cast<double>(used.size());
  return means;
}

}  // namespace

std::vector<double> saliency_values(const SaliencyLayout& layout, std::span<const double> table,
                                    std::span<const std::int64_t> used) {
  const std::vector<double> means = column_means(layout.columns, table, used);
  std::vector<double> values;
  values.reserve(layout.measures.size());
  for (const SaliencyMeasure& measure : layout.measures) values.push_back(measure.of(means));
  return values;
}

std::vector<std::vector<double>> saliency_bootstrap(const SaliencyLayout& layout, std::span<const double> table,
                                                    std::span<const std::int64_t> used, std::int64_t replicates,
                                                    std::uint64_t seed, int threads) {
  const auto n = static_cast<std::int64_t>(used.size());
  const auto width = static_cast<std::int64_t>(layout.columns);
  RowMajor rows(n, width);
  for (std::int64_t i = 0; i < n; ++i)
    rows.row(i) = Eigen::Map<const Eigen::RowVectorXd>(table.data() + used[static_cast<std::size_t>(i)] * width, width);
  std::vector<std::vector<double>> values(layout.measures.size(),
                                          std::vector<double>(static_cast<std::size_t>(replicates)));
  // Fixed blocks of replicates, each one product of counts and columns.
  constexpr std::int64_t block = 32;
  // Nanoseconds of a replicate: a draw of each image, its row of the product, the measures of the means.
  const double cost = 10.0 * static_cast<double>(n) + 0.1 * static_cast<double>(n * width) + static_cast<double>(width);
  threads = threads_worth(cost * static_cast<double>(replicates), threads);
  parallel_for((replicates + block - 1) / block, threads, [&](std::int64_t b, int) {
    const std::int64_t first = b * block, count = std::min(block, replicates - first);
    RowMajor counts = RowMajor::Zero(count, n);
    for (std::int64_t r = 0; r < count; ++r)
      for (const std::int64_t i : resample_indices(n, seed, first + r)) counts(r, i) += 1.0;
    const RowMajor means = counts * rows / static_cast<double>(n);
    for (std::int64_t r = 0; r < count; ++r)
      for (std::size_t m = 0; m < values.size(); ++m)
        values[m][static_cast<std::size_t>(first + r)] =
            layout.measures[m].of({means.data() + r * width, layout.columns});
  });
  return values;
}

std::vector<double> saliency_samples(const SaliencyLayout& layout, const SaliencyMeasure& measure,
                                     std::span<const double> table, std::span<const std::int64_t> used) {
  using Kind = SaliencyMeasure::Kind;
  std::size_t first = measure.first, count = measure.count;
  if (measure.kind == Kind::maximum_of_curve || measure.kind == Kind::minimum_of_curve) {
    const std::vector<double> means = column_means(layout.columns, table, used);
    const auto begin = means.begin() + static_cast<std::ptrdiff_t>(first),
               end = begin + static_cast<std::ptrdiff_t>(count);
    const auto best =
        measure.kind == Kind::maximum_of_curve ? std::max_element(begin, end) : std::min_element(begin, end);
    first += static_cast<std::size_t>(best - begin);
    count = 1;
  }
  std::vector<double> samples;
  samples.reserve(used.size());
  for (const std::int64_t image : used) {
    if (measure.kind == Kind::pooled) {
      samples.push_back(measure.of(table.subspan(static_cast<std::size_t>(image) * layout.columns, layout.columns)));
      continue;
    }
    double sum = 0.0;
    for (std::size_t c = first; c < first + count; ++c)
      sum += table[static_cast<std::size_t>(image) * layout.columns + c];
    samples.push_back(sum / static_cast<double>(count));
  }
  return samples;
}

}  // namespace assay
