#include "metrics/feature_sets/double_features.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "metrics/linear_algebra/dense.h"

namespace assay {
namespace {

using Rows = Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

Rows rows_of(std::span<const double> values, std::int64_t width) {
  return {values.data(), static_cast<std::int64_t>(values.size()) / width, width};
}

void check_count(std::int64_t count) {
  if (count < 2) throw InputError(fmt::format("a covariance needs at least 2 feature vectors, got {}", count));
}

double divided_by(std::int64_t count, Divisor divisor) {
  return static_cast<double>(divisor == Divisor::n ? count : count - 1);
}

}  // namespace

DoubleMoments::DoubleMoments(std::int64_t width)
    : width_(width), sum_(Eigen::VectorXd::Zero(width)), products_(Eigen::MatrixXd::Zero(width, width)) {}

Eigen::VectorXd DoubleMoments::mean() const { return first_ + sum_ / static_cast<double>(count_); }

void DoubleMoments::add_to_mean(std::span<const double> values) {
  const Rows rows = rows_of(values, width_);
  if (rows.rows() == 0) return;
  if (count_ == 0) first_ = rows.row(0);
  for (Eigen::Index i = 0; i < rows.rows(); ++i) sum_ += rows.row(i).transpose() - first_;
  count_ += rows.rows();
}

void DoubleMoments::add_to_covariance(std::span<const double> values) {
  constexpr std::int64_t block = 1024;
  const Rows rows = rows_of(values, width_);
  const Eigen::VectorXd centre = mean();
  const int side = static_cast<int>(width_);
  dense::Matrix product(side, side);
  for (std::int64_t first = 0; first < rows.rows(); first += block) {
    const int size = static_cast<int>(std::min<std::int64_t>(block, rows.rows() - first));
    dense::Matrix centred(side, size);
    for (int i = 0; i < size; ++i)
      Eigen::Map<Eigen::VectorXd>(centred.column(i), width_) = rows.row(first + i).transpose() - centre;
    dense::multiply(false, centred.all(), true, centred.all(), product.all());
    products_ += Eigen::Map<const Eigen::MatrixXd>(product.column(0), width_, width_);
  }
}

Gaussian DoubleMoments::gaussian(Divisor divisor) const {
  check_count(count_);
  Gaussian out;
  out.count = count_;
  out.mean = mean();
  out.covariance = (0.5 / divided_by(count_, divisor)) * (products_ + products_.transpose());
  return out;
}

Gaussian gaussian_of_doubles(std::span<const double> features, std::int64_t width, Divisor divisor) {
  const Rows rows = rows_of(features, width);
  const std::int64_t n = rows.rows();
  check_count(n);
  if (n > width) {
    DoubleMoments moments(width);
    moments.add_to_mean(features);
    moments.add_to_covariance(features);
    return moments.gaussian(divisor);
  }
  Gaussian out;
  out.count = n;
  out.mean = rows.row(0) + (rows.rowwise() - rows.row(0)).colwise().mean();
  // n - 1 rows of full rank, by the reflection of gaussian() in metrics/generative/frechet.cpp.
  const double share = 1.0 / (1.0 + std::sqrt(static_cast<double>(n)));
  const Eigen::RowVectorXd shift = out.mean.transpose() + share * (rows.row(0) - out.mean.transpose());
  out.rows = (rows.bottomRows(n - 1).rowwise() - shift) / std::sqrt(divided_by(n, divisor));
  return out;
}

}  // namespace assay
