#include "metrics/generative/frechet_influence.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "kernels/one_thread_each.h"
#include "metrics/generative/frechet_reduction.h"
#include "metrics/linear_algebra/dense.h"
#include "metrics/linear_algebra/inverse_root.h"

namespace assay {
namespace {

using dense::Matrix;

constexpr int chunk = 2048;  // samples that are worked on at once

/// F with S1 = F F^T, [d, rank].
Matrix factor_of(const Gaussian& g) {
  if (g.low_rank()) return Matrix(Eigen::MatrixXd(g.rows.transpose()));
  Matrix lower(g.covariance);
  if (dense::cholesky(lower) && dense::well_conditioned(lower)) return lower;
  Matrix vectors(g.covariance);
  const std::vector<double> values = dense::eigenvectors(vectors);
  for (int j = 0; j < vectors.cols(); ++j) {
    const double root = std::sqrt(std::max(values[static_cast<std::size_t>(j)], 0.0));
    for (int i = 0; i < vectors.rows(); ++i) vectors.column(j)[i] *= root;
  }
  return vectors;
}

/// Samples [first, first + count) less their mean, one a column.
Matrix centred(std::span<const float> features, const Eigen::VectorXd& mean, std::int64_t first, int count) {
  const auto width = static_cast<int>(mean.size());
  Matrix out(width, count);
  for (int s = 0; s < count; ++s) {
    const float* row = features.data() + (first + s) * width;
    for (int i = 0; i < width; ++i) out.column(s)[i] = static_cast<double>(row[i]) - mean[i];
  }
  return out;
}

double squared_norm(const double* values, int count) {
  return Eigen::Map<const Eigen::VectorXd>(values, count).squaredNorm();
}

/// v^power, and 0 where v is rounding of zero: there the form it scales is zero as well.
double power_or_zero(double value, double power, double largest, std::size_t size) {
  const double floor = std::numeric_limits<double>::epsilon() * static_cast<double>(size) * largest;
  return value > floor ? std::pow(value, power) : 0.0;
}

/// Element (i, j) of the lower triangle is (n - 1 - j, n - 1 - i) of the other one: rows and columns in the opposite
/// order and exchanged. With zeros above the diagonal.
Matrix opposite(const Matrix& lower) {
  const int n = lower.rows();
  constexpr int square = 32;  // in squares, which fit caches
  Matrix out(n, n);
  for (int j = 0; j < n; ++j) std::fill_n(out.column(j), j, 0.0);
  for (int j0 = 0; j0 < n; j0 += square)
    for (int i0 = j0; i0 < n; i0 += square)
      for (int j = j0; j < std::min(j0 + square, n); ++j)
        for (int i = std::max(i0, j); i < std::min(i0 + square, n); ++i) out.column(j)[i] = lower(n - 1 - j, n - 1 - i);
  return out;
}

/// 1 - T as N + N^T with N lower triangular, float32 [width, width], row after row.
at::Tensor half_of_shortfall(const FrechetReduction& reduction, std::int64_t width) {
  constexpr double tolerance = 1e-8;  // far below float32's
  const std::vector<double>& values = reduction.eigenvalues;
  Matrix root = inverse_root(reduction.band, values.front(), values.back(), tolerance);
  // L R L^T in the opposite order is of the form that lower_congruence() takes.
  Matrix lower = opposite(reduction.lower), inner = opposite(root);
  const Matrix map = dense::lower_congruence(lower.all(), inner.all());
  at::Tensor out = at::zeros({width, width}, at::kFloat);
  float* to = out.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < width; ++i) to[i * width + i] = 0.5F;
  const int n = map.rows();
  for (int j = 0; j < n; ++j) {
    const Eigen::Index column = reduction.order[static_cast<std::size_t>(n - 1 - j)];
    to[column * width + column] = static_cast<float>(0.5 - 0.5 * map(j, j));
    for (int i = j + 1; i < n; ++i) {
      const Eigen::Index row = reduction.order[static_cast<std::size_t>(n - 1 - i)];
      to[std::max(row, column) * width + std::min(row, column)] = static_cast<float>(-map(i, j));
    }
  }
  return out;
}

/// (x - m2)^T (1 - T) (x - m2) of each sample.
std::vector<double> shortfalls(const at::Tensor& half, std::span<const float> features, const Eigen::VectorXd& mean) {
  const std::int64_t width = mean.size(), n = static_cast<std::int64_t>(features.size()) / width;
  constexpr std::int64_t rows = 256, columns = 256;
  std::vector<double> out(static_cast<std::size_t>(n), 0.0);
  one_thread_each(at::kCPU, (n + rows - 1) / rows, [&](std::int64_t index) {
    const std::int64_t first = index * rows, count = std::min(rows, n - first);
    // All chunks have the same number of rows: products of fewer round in other ways.
    at::Tensor x = at::zeros({rows, width}, at::kFloat);
    float* to = x.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t j = 0; j < width; ++j)
        to[i * width + j] = static_cast<float>(
            static_cast<double>(features[static_cast<std::size_t>((first + i) * width + j)]) - mean[j]);
    for (std::int64_t left = 0; left < width; left += columns) {
      const std::int64_t across = std::min(columns, width - left);
      const at::Tensor image =
          at::mm(x.narrow(1, left, width - left), half.narrow(0, left, width - left).narrow(1, left, across));
      const float* y = image.const_data_ptr<float>();
      for (std::int64_t i = 0; i < count; ++i) {
        double sum = 0.0;
        for (std::int64_t j = 0; j < across; ++j)
          sum += static_cast<double>(y[i * across + j]) * static_cast<double>(to[i * width + left + j]);
        out[static_cast<std::size_t>(first + i)] += 2.0 * sum;
      }
    }
  });
  return out;
}

/// Whether the shortfalls have the mean that the eigenvalues say: tr(S2) less the trace of the root, by the divisor of
/// S2.
bool plausible(const std::vector<double>& found, const Gaussian& fitted, const FrechetReduction& reduction) {
  const double traces = fitted.covariance.trace();
  double root = 0.0;
  for (const double value : reduction.eigenvalues) root += std::sqrt(value);
  const auto n = static_cast<double>(found.size());
  const double mean = std::accumulate(found.begin(), found.end(), 0.0) / n;
  return std::abs(mean - (traces - root)) <= (1e-5 + 1.0 / n) * (traces + root);
}

/// The standard error of a mean of these.
double error_of_mean(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0.0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / (n - 1.0) / n);
}

/// By an eigendecomposition.
std::vector<double> influences(const Gaussian& reference, const Gaussian& fitted, std::span<const float> features) {
  const std::int64_t width = fitted.width();
  const auto n = static_cast<std::int64_t>(features.size()) / width;
  const auto d = static_cast<int>(width);
  Matrix factor = factor_of(reference);
  const int rank = factor.cols();
  std::vector<double> influence(static_cast<std::size_t>(n));  // starts as what the map takes away

  if (n <= rank) {
    // n (K^(1/2))_ii with K = X S1 X^T / n gives the same form without inverting what has no full rank.
    const auto count = static_cast<int>(n);
    Matrix rows = centred(features, fitted.mean, 0, count), image(count, rank), gram(count, count);
    dense::multiply(true, rows.all(), false, factor.all(), image.all());
    dense::multiply(false, image.all(), true, image.all(), gram.all());
    const std::vector<double> values = dense::eigenvectors(gram);
    for (int j = 0; j < count; ++j) {
      const double root = std::sqrt(std::max(values[static_cast<std::size_t>(j)], 0.0) * static_cast<double>(n));
      for (int i = 0; i < count; ++i) influence[static_cast<std::size_t>(i)] -= root * gram(i, j) * gram(i, j);
    }
  } else {
    Matrix map(d, rank);  // F V v^(-1/4): the form is the squared norm of its transpose times x - m2
    {
      Matrix covariance = fitted.low_rank() ? Matrix(Eigen::MatrixXd(fitted.rows.transpose() * fitted.rows))
                                            : Matrix(fitted.covariance);
      Matrix half(d, rank), squared(rank, rank);
      dense::multiply(false, covariance.all(), false, factor.all(), half.all());
      dense::multiply(true, factor.all(), false, half.all(), squared.all());
      const std::vector<double> values = dense::eigenvectors(squared);
      for (int j = 0; j < rank; ++j) {
        const double scale = power_or_zero(values[static_cast<std::size_t>(j)], -0.25, values.back(), values.size());
        for (int i = 0; i < rank; ++i) squared.column(j)[i] *= scale;
      }
      dense::multiply(false, factor.all(), false, squared.all(), map.all());
    }
    for (std::int64_t first = 0; first < n; first += chunk) {
      const auto count = static_cast<int>(std::min<std::int64_t>(chunk, n - first));
      Matrix rows = centred(features, fitted.mean, first, count), image(rank, count);
      dense::multiply(true, map.all(), false, rows.all(), image.all());
      for (int s = 0; s < count; ++s)
        influence[static_cast<std::size_t>(first + s)] = -squared_norm(image.column(s), rank);
    }
  }

  for (std::int64_t i = 0; i < n; ++i) {
    const float* row = features.data() + i * width;
    double square = 0.0;
    for (int j = 0; j < d; ++j) {
      const double x = static_cast<double>(row[j]) - fitted.mean[j];
      square += x * x;
    }
    influence[static_cast<std::size_t>(i)] += square;
  }
  return influence;
}

}  // namespace

double frechet_standard_error(const Gaussian& reference, const Gaussian& fitted, std::span<const float> features,
                              const std::optional<FrechetReduction>& reduction) {
  const std::int64_t width = fitted.width();
  std::vector<double> influence;
  if (reduction && static_cast<std::int64_t>(features.size()) > width * width) {
    influence = shortfalls(half_of_shortfall(*reduction, width), features, fitted.mean);
    if (!plausible(influence, fitted, *reduction)) influence.clear();
  }
  if (influence.empty()) influence = influences(reference, fitted, features);
  const Eigen::VectorXd shift = 2.0 * (fitted.mean - reference.mean);
  for (std::size_t i = 0; i < influence.size(); ++i) {
    const float* row = features.data() + static_cast<std::int64_t>(i) * width;
    double along = 0.0;
    for (std::int64_t j = 0; j < width; ++j) along += shift[j] * (static_cast<double>(row[j]) - fitted.mean[j]);
    influence[i] += along;
  }
  return error_of_mean(influence);
}

double frechet_standard_error(const Gaussian& reference, std::span<const float> features, std::int64_t width) {
  if (reference.width() != width)
    throw InputError(fmt::format("Fréchet distance: the feature widths differ ({} and {})", reference.width(), width));
  const Gaussian fitted = gaussian(features, width);
  std::optional<FrechetReduction> reduction;
  frechet(reference, fitted, reduction);
  return frechet_standard_error(reference, fitted, features, reduction);
}

}  // namespace assay
