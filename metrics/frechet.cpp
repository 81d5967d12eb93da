#include "metrics/frechet.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/mm.h>
#include <fmt/format.h>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "core/error.h"

namespace assay {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double tolerance = 1e-11;  // of tr(S1) + tr(S2)
/// From here on LAPACK inside LibTorch is faster than Eigen, at the price of bits that depend on the thread count.
constexpr Eigen::Index eigen_limit = 128;

/// The same memory seen by torch, which is row-major: the transpose.
at::Tensor transposed_view(const MatrixXd& matrix) {
  return at::from_blob(const_cast<double*>(matrix.data()), {matrix.cols(), matrix.rows()}, at::kDouble);
}

VectorXd to_vector(const at::Tensor& values) {
  const at::Tensor dense = values.contiguous();
  return Eigen::Map<const VectorXd>(dense.const_data_ptr<double>(), dense.numel());
}

/// From a row-major tensor.
MatrixXd to_matrix(const at::Tensor& values) {
  const at::Tensor dense = values.t().contiguous();
  return Eigen::Map<const MatrixXd>(dense.const_data_ptr<double>(), values.size(0), values.size(1));
}

MatrixXd product(const MatrixXd& a, const MatrixXd& b) {
  if (std::max(a.size(), b.size()) <= eigen_limit * eigen_limit) return a * b;
  const at::Tensor out = at::mm(transposed_view(b), transposed_view(a));
  return Eigen::Map<const MatrixXd>(out.const_data_ptr<double>(), a.rows(), b.cols());
}

VectorXd eigenvalues(const MatrixXd& symmetric) {
  if (symmetric.rows() > eigen_limit) return to_vector(at::linalg_eigvalsh(transposed_view(symmetric), "L"));
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(symmetric, Eigen::EigenvaluesOnly);
  if (solver.info() != Eigen::Success) throw Error("Fréchet distance: the eigenvalues did not converge");
  return solver.eigenvalues();
}

VectorXd singular_values(const MatrixXd& matrix) {
  if (std::max(matrix.rows(), matrix.cols()) > eigen_limit)
    return to_vector(at::linalg_svdvals(transposed_view(matrix)));
  const Eigen::BDCSVD<MatrixXd> solver(matrix);
  if (solver.info() != Eigen::Success) throw Error("Fréchet distance: the singular values did not converge");
  return solver.singularValues();
}

/// L with S = L L^T, or nothing where S is not positive definite to working precision.
std::optional<MatrixXd> cholesky(const MatrixXd& symmetric) {
  MatrixXd lower;
  if (symmetric.rows() > eigen_limit) {
    const auto [factor, info] = at::linalg_cholesky_ex(transposed_view(symmetric));
    if (info.item<int>() != 0) return std::nullopt;
    lower = to_matrix(factor);
  } else {
    const Eigen::LLT<MatrixXd> solver(symmetric);
    if (solver.info() != Eigen::Success) return std::nullopt;
    lower = solver.matrixL();
  }
  const double largest = lower.diagonal().maxCoeff(), smallest = lower.diagonal().minCoeff();
  // A pivot this small is rounding, and so is what it divided.
  if (!(smallest * smallest > epsilon * static_cast<double>(symmetric.rows()) * largest * largest)) return std::nullopt;
  return lower;
}

/// F with S = F F^T, from the eigenvectors of positive eigenvalues.
MatrixXd eigen_factor(const MatrixXd& symmetric) {
  VectorXd values;
  MatrixXd vectors;
  if (symmetric.rows() > eigen_limit) {
    const auto [found_values, found_vectors] = at::linalg_eigh(transposed_view(symmetric), "L");
    values = to_vector(found_values);
    vectors = to_matrix(found_vectors);
  } else {
    const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(symmetric);
    if (solver.info() != Eigen::Success) throw Error("Fréchet distance: the eigenvectors did not converge");
    values = solver.eigenvalues();
    vectors = solver.eigenvectors();
  }
  const double floor = static_cast<double>(values.size()) * epsilon * std::max(values.maxCoeff(), 0.0);
  const auto kept =
      static_cast<Eigen::Index>(std::count_if(values.begin(), values.end(), [&](double v) { return v > floor; }));
  return vectors.rightCols(kept) * values.tail(kept).cwiseSqrt().asDiagonal();  // values rise
}

struct Root {
  double trace;
  double error;
  std::string route;
};

/// Trace of the square root from the eigenvalues of a symmetric matrix whose eigenvalues are those of S1 S2. Each is
/// off by some epsilon of the largest, its root by that over twice the root: small eigenvalues lose digits.
Root root_of(const MatrixXd& squared, std::string route) {
  const VectorXd values = eigenvalues(squared);
  const double slip = 4.0 * epsilon * values.cwiseAbs().maxCoeff();
  Root out{0.0, 0.0, std::move(route)};
  for (const double value : values) {
    const double root = std::sqrt(std::max(value, 0.0));
    out.trace += root;
    out.error += slip > 0.0 ? std::min(std::sqrt(slip), slip / (2.0 * std::max(root, std::sqrt(slip) / 2.0))) : 0.0;
  }
  return out;
}

/// Trace of the square root as the sum of singular values of F1^T F2: nothing is squared.
Root root_of_factors(const MatrixXd& factor_product, std::string route) {
  if (factor_product.size() == 0) return {0.0, 0.0, std::move(route)};
  const VectorXd values = singular_values(factor_product);
  return {values.sum(), 4.0 * epsilon * static_cast<double>(values.size()) * values.maxCoeff(), std::move(route)};
}

MatrixXd any_factor(const MatrixXd& symmetric) {
  if (auto lower = cholesky(symmetric)) return *std::move(lower);
  return eigen_factor(symmetric);
}

Root root_trace(const Gaussian& a, const Gaussian& b, double scale) {
  if (a.low_rank() && b.low_rank()) {
    return root_of_factors(product(a.rows, b.rows.transpose()), "low-rank-singular-values");
  }
  if (b.low_rank()) return root_trace(b, a, scale);
  if (a.low_rank()) {
    const Root fast = root_of(product(product(a.rows, b.covariance), a.rows.transpose()), "low-rank");
    if (2.0 * fast.error <= tolerance * scale) return fast;
    return root_of_factors(product(a.rows, any_factor(b.covariance)), "low-rank-singular-values");
  }
  const std::optional<MatrixXd> lower = cholesky(a.covariance);
  if (lower) {
    const Root fast = root_of(product(lower->transpose(), product(b.covariance, *lower)), "cholesky");
    if (2.0 * fast.error <= tolerance * scale) return fast;
  }
  const MatrixXd left = lower ? *lower : eigen_factor(a.covariance);
  return root_of_factors(product(left.transpose(), any_factor(b.covariance)), "singular-values");
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
