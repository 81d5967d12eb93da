#include "metrics/generative/frechet_pair.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "metrics/linear_algebra/dense.h"

namespace assay {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

/// F [d, k] with S = F F^T.
dense::Matrix factor(const Gaussian& gaussian) {
  if (gaussian.low_rank()) return dense::Matrix(gaussian.rows.transpose());
  dense::Matrix lower(gaussian.covariance);
  if (dense::cholesky(lower) && dense::well_conditioned(lower)) return lower;
  dense::Matrix vectors(gaussian.covariance);
  const std::vector<double> values = dense::eigenvectors(vectors);
  for (int j = 0; j < vectors.cols(); ++j) {
    const double root = std::sqrt(std::max(values[static_cast<std::size_t>(j)], 0.0));
    std::for_each(vectors.column(j), vectors.column(j) + vectors.rows(), [root](double& v) { v *= root; });
  }
  return vectors;
}

/// The derivative of the squared Fréchet distance to `reference` at the Gaussian of all columns of `x` [d, n] (centred
/// here), for each column.
std::vector<double> derivative(dense::Matrix& x, const Gaussian& reference) {
  const int width = x.rows(), n = x.cols();
  using Map = Eigen::Map<MatrixXd>;
  Map columns(x.column(0), width, n);
  const VectorXd mean = columns.rowwise().mean();
  columns.colwise() -= mean;

  dense::Matrix f = factor(reference);
  const int rank = f.cols();
  dense::Matrix z(rank, n), m(rank, rank);
  dense::multiply(true, f.all(), false, x.all(), z.all());
  dense::multiply(false, z.all(), true, z.all(), m.all());
  const std::vector<double> values = dense::eigenvectors(m);  // of n F^T S F
  dense::Matrix v(rank, n);
  dense::multiply(true, m.all(), false, z.all(), v.all());
  VectorXd weights(rank);
  const double floor =
      static_cast<double>(rank) * std::numeric_limits<double>::epsilon() * std::max(values.back(), 0.0);
  for (int j = 0; j < rank; ++j) {
    const double value = values[static_cast<std::size_t>(j)];
    weights[j] = value > floor ? 1.0 / std::sqrt(value / n) : 0.0;
  }
  const VectorXd shift = 2.0 * (mean - reference.mean);
  const VectorXd linear = columns.transpose() * shift + columns.colwise().squaredNorm().transpose();
  const VectorXd mapped = Map(v.column(0), rank, n).cwiseAbs2().transpose() * weights;
  std::vector<double> out(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) out[static_cast<std::size_t>(i)] = linear[i] - mapped[i];
  return out;
}

}  // namespace

FrechetPair frechet_pair(const FeatureRows& a, const FeatureRows& b, const Gaussian& reference, Divisor divisor,
                         std::int64_t replicates, std::uint64_t seed) {
  const std::int64_t n = a.count();
  if (b.count() != n || a.width != b.width)
    throw InputError(
        fmt::format("a paired comparison of features [{}, {}] with [{}, {}]; expected equal shapes, row i "
                    "of both from the same noise",
                    n, a.width, b.count(), b.width));
  FrechetPair out;
  out.a = frechet(reference, gaussian(a.values, a.width, divisor)).value;
  out.b = frechet(reference, gaussian(b.values, b.width, divisor)).value;

  dense::Matrix pool(static_cast<int>(a.width), static_cast<int>(2 * n));
  std::copy(a.values.begin(), a.values.end(), pool.column(0));
  std::copy(b.values.begin(), b.values.end(), pool.column(static_cast<int>(n)));
  const std::vector<double> slopes = derivative(pool, reference);
  out.shares.resize(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < out.shares.size(); ++i)
    out.shares[i] = (slopes[i] - slopes[i + out.shares.size()]) / static_cast<double>(n);
  if (replicates == 0) return out;

  if (a.width <= dense::one_thread) {
    out.replicates = frechet_paired_bootstrap(a.values, b.values, a.width, reference, replicates, seed, divisor);
    out.differences = out.replicates.differences();
    return out;
  }
  const double all = std::accumulate(out.shares.begin(), out.shares.end(), 0.0);
  out.differences.reserve(static_cast<std::size_t>(replicates));
  for (std::int64_t r = 0; r < replicates; ++r) {
    double sum = 0.0;
    for (const std::int64_t i : resample_indices(n, seed, r)) sum += out.shares[static_cast<std::size_t>(i)];
    out.differences.push_back(out.a - out.b + sum - all);
  }
  return out;
}

}  // namespace assay
