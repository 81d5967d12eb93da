#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <span>

#include "metrics/feature_sets/gaussian.h"

namespace assay {

/// Mean and covariance of features that come as doubles, in two passes over the same rows, so that features far from
/// zero lose no digits. Rows come in the same pieces both times; the pieces decide the last bits.
class DoubleMoments {
 public:
  explicit DoubleMoments(std::int64_t width);

  /// First pass: rows [size / width, width], finite.
  void add_to_mean(std::span<const double> rows);
  /// Second pass.
  void add_to_covariance(std::span<const double> rows);

  /// Full rank. Throws InputError with fewer than two rows.
  Gaussian gaussian(Divisor divisor) const;

 private:
  Eigen::VectorXd mean() const;

  std::int64_t width_, count_ = 0;
  Eigen::VectorXd first_;  // the first row, and the sum of how far all lie from it
  Eigen::VectorXd sum_;
  Eigen::MatrixXd products_;
};

/// The Gaussian of features [n, width] that were given in double, row-major and finite, without rounding them to
/// float32 first; low-rank where n <= width, as of float32 features. Throws InputError with fewer than two rows.
Gaussian gaussian_of_doubles(std::span<const double> features, std::int64_t width, Divisor divisor);

}  // namespace assay
