#include "metrics/generative/frechet_influence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"
#include "metrics/linear_algebra/dense.h"

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

}  // namespace

double frechet_standard_error(const Gaussian& reference, std::span<const float> features, std::int64_t width) {
  if (reference.width() != width)
    throw InputError(fmt::format("Fréchet distance: the feature widths differ ({} and {})", reference.width(), width));
  const Gaussian fitted = gaussian(features, width);
  const auto n = fitted.count;
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

  const Eigen::VectorXd shift = 2.0 * (fitted.mean - reference.mean);
  double mean = 0.0;
  for (std::int64_t i = 0; i < n; ++i) {
    const float* row = features.data() + i * width;
    double square = 0.0, along = 0.0;
    for (int j = 0; j < d; ++j) {
      const double x = static_cast<double>(row[j]) - fitted.mean[j];
      square += x * x;
      along += shift[j] * x;
    }
    influence[static_cast<std::size_t>(i)] += square + along;
    mean += influence[static_cast<std::size_t>(i)] / static_cast<double>(n);
  }
  double squares = 0.0;
  for (const double value : influence) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(n - 1) / static_cast<double>(n));
}

}  // namespace assay
