#include "metrics/frechet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "metrics/dense.h"

namespace assay {
namespace {

using dense::Matrix;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double tolerance = 1e-11;  // of tr(S1) + tr(S2)

/// L with S = L L^T, or nothing where S is not positive definite to working precision.
std::optional<Matrix> cholesky(const MatrixXd& symmetric) {
  Matrix lower(symmetric);
  if (!dense::cholesky(lower)) return std::nullopt;
  return lower;
}

/// F with S = F F^T, from the eigenvectors of positive eigenvalues.
Matrix eigen_factor(const MatrixXd& symmetric) {
  Matrix vectors(symmetric);
  const std::vector<double> values = dense::eigenvectors(vectors);
  const double floor = static_cast<double>(values.size()) * epsilon * std::max(values.back(), 0.0);
  const auto kept = static_cast<int>(std::count_if(values.begin(), values.end(), [&](double v) { return v > floor; }));
  Matrix out(vectors.rows(), kept);
  for (int j = 0; j < kept; ++j) {
    const int from = vectors.cols() - kept + j;  // values rise
    const double root = std::sqrt(values[static_cast<std::size_t>(from)]);
    for (int i = 0; i < out.rows(); ++i) out.column(j)[i] = root * vectors(i, from);
  }
  return out;
}

struct Root {
  double trace;
  double error;
  std::string route;
};

/// Trace of the square root from the lower triangle of a symmetric matrix whose eigenvalues are those of S1 S2.
/// Rounding moves each eigenvalue v by some epsilon of the largest, u, in either direction: its root by u / (2 sqrt v)
/// with a random sign, and by -u^2 / (8 v^1.5) always; a root of what is noise itself is off by sqrt u always.
Root root_of(Matrix squared, std::string route) {
  const std::vector<double> values = dense::eigenvalues(squared);
  Root out{0.0, 0.0, std::move(route)};
  if (values.empty()) return out;
  const double u = 4.0 * epsilon * std::max(std::abs(values.front()), std::abs(values.back()));
  double variance = 0.0;
  for (const double value : values) {
    const double root = std::sqrt(std::max(value, 0.0));
    out.trace += root;
    if (value > u) {
      variance += u * u / (4.0 * value);
      out.error += u * u / (8.0 * value * root);
    } else {
      out.error += std::sqrt(u);
    }
  }
  out.error += std::sqrt(variance);
  return out;
}

/// Trace of the square root as the sum of singular values of F1^T F2: nothing is squared.
Root root_of_factors(Matrix factor_product, std::string route) {
  const std::vector<double> values = dense::singular_values(factor_product);
  Root out{0.0, 0.0, std::move(route)};
  if (values.empty()) return out;
  for (const double value : values) out.trace += value;
  out.error = 4.0 * epsilon * static_cast<double>(values.size()) * values.front();
  return out;
}

Matrix any_factor(const MatrixXd& symmetric) {
  if (auto lower = cholesky(symmetric)) return *std::move(lower);
  return eigen_factor(symmetric);
}

Matrix product(bool transpose_a, Matrix& a, bool transpose_b, Matrix& b) {
  Matrix out(transpose_a ? a.cols() : a.rows(), transpose_b ? b.rows() : b.cols());
  dense::multiply(transpose_a, a.all(), transpose_b, b.all(), out.all());
  return out;
}

Root root_trace(const Gaussian& a, const Gaussian& b, double scale) {
  if (a.low_rank() && b.low_rank()) {
    Matrix left(a.rows), right(b.rows);
    return root_of_factors(product(false, left, true, right), "low-rank-singular-values");
  }
  if (b.low_rank()) return root_trace(b, a, scale);
  if (a.low_rank()) {
    Matrix rows(a.rows);
    {
      Matrix covariance(b.covariance);
      Root fast = root_of(dense::row_congruence(rows, covariance), "low-rank");
      if (2.0 * fast.error <= tolerance * scale) return fast;
    }
    Matrix factor = any_factor(b.covariance);
    return root_of_factors(product(false, rows, false, factor), "low-rank-singular-values");
  }
  std::optional<Matrix> lower = cholesky(a.covariance);
  if (lower) {
    Matrix covariance(b.covariance);
    Root fast = root_of(dense::lower_congruence(*lower, covariance), "cholesky");
    if (2.0 * fast.error <= tolerance * scale) return fast;
  }
  Matrix left = lower ? *std::move(lower) : eigen_factor(a.covariance);
  Matrix right = any_factor(b.covariance);
  return root_of_factors(product(true, left, false, right), "singular-values");
}

double trace(const Gaussian& g) { return g.low_rank() ? g.rows.squaredNorm() : g.covariance.trace(); }

void check(const Gaussian& g, const char* which) {
  if (g.width() == 0) throw InputError(fmt::format("Fréchet distance: the {} Gaussian is empty", which));
  const MatrixXd& second = g.low_rank() ? g.rows : g.covariance;
  if (second.cols() != g.width() || (!g.low_rank() && second.rows() != g.width())) {
    throw InputError(fmt::format("Fréchet distance: the {} Gaussian has a mean of {} and a {} of {} x {}", which,
                                 g.width(), g.low_rank() ? "factor" : "covariance", second.rows(), second.cols()));
  }
  if (!g.mean.allFinite() || !second.allFinite()) {
    throw InputError(fmt::format("Fréchet distance: the {} Gaussian holds a value that is not finite", which));
  }
}

}  // namespace

Gaussian gaussian(const FeatureMoments& moments, Divisor divisor) {
  return {moments.count(), moments.mean(), moments.covariance(divisor), {}};
}

Gaussian gaussian(std::span<const float> features, std::int64_t width, Divisor divisor) {
  if (width < 1 || static_cast<std::int64_t>(features.size()) % width != 0) {
    throw InputError(
        fmt::format("{} numbers are no whole number of feature vectors of width {}", features.size(), width));
  }
  const auto n = static_cast<std::int64_t>(features.size()) / width;
  if (n < 2) throw InputError(fmt::format("a covariance needs at least 2 feature vectors, got {}", n));
  FeatureMoments moments(width);
  if (n > width) {
    moments.add(0, features);
    return gaussian(moments, divisor);
  }
  for (std::size_t i = 0; i < features.size(); ++i) {
    if (!std::isfinite(features[i])) {
      throw InputError(fmt::format("feature of sample {} is not finite (column {})",
                                   static_cast<std::int64_t>(i) / width, static_cast<std::int64_t>(i) % width));
    }
  }
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  MatrixXd x = Eigen::Map<const RowMajor>(features.data(), n, width).cast<double>();
  Gaussian out;
  out.count = n;
  out.mean = x.colwise().mean();
  x.rowwise() -= out.mean.transpose();
  // A Householder reflection that maps (1, ..., 1) onto the first axis moves what centring made dependent into row 0,
  // which is dropped: n - 1 rows of full rank instead of n rows with one eigenvalue of rounding noise.
  VectorXd reflector = VectorXd::Ones(n);
  reflector[0] += std::sqrt(static_cast<double>(n));
  const Eigen::RowVectorXd along = (2.0 / reflector.squaredNorm()) * (reflector.transpose() * x);
  x -= reflector * along;
  const double divide = static_cast<double>(divisor == Divisor::n ? n : n - 1);
  out.rows = x.bottomRows(n - 1) / std::sqrt(divide);
  return out;
}

FrechetDistance frechet(const Gaussian& a, const Gaussian& b) {
  check(a, "first");
  check(b, "second");
  if (a.width() != b.width()) {
    throw InputError(fmt::format("Fréchet distance: the feature widths differ ({} and {})", a.width(), b.width()));
  }
  const double scale = trace(a) + trace(b);
  const Root root = root_trace(a, b, scale);
  FrechetDistance out;
  out.mean_term = (a.mean - b.mean).squaredNorm();
  out.covariance_term = std::max(scale - 2.0 * root.trace, 0.0);
  out.value = out.mean_term + out.covariance_term;
  out.route = root.route;
  out.residual = 2.0 * root.error + 4.0 * epsilon * (scale + out.mean_term);
  return out;
}

}  // namespace assay
