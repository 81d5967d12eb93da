#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <span>

#include "metrics/feature_sets/moments.h"

namespace assay {

/// A Gaussian fitted to feature vectors. Either `covariance` [d, d] or, from fewer samples than dimensions, `rows`
/// [n - 1, d] with covariance = rows^T rows exactly of rank n - 1; the other one is empty.
struct Gaussian {
  std::int64_t count = 0;  // samples behind it, 0 where unknown
  Eigen::VectorXd mean;
  Eigen::MatrixXd covariance;
  Eigen::MatrixXd rows;

  std::int64_t width() const { return mean.size(); }
  bool low_rank() const { return covariance.size() == 0; }
};

/// Throws Error with fewer than two samples.
Gaussian gaussian(const FeatureMoments& moments, Divisor divisor = Divisor::n_minus_1);

/// From a feature matrix [n, width], row-major; low-rank where n <= width. Throws InputError when the size is no
/// multiple of the width, with fewer than two rows, and on a value that is not finite (naming row and column).
Gaussian gaussian(std::span<const float> features, std::int64_t width, Divisor divisor = Divisor::n_minus_1);

/// The Gaussian with `offset` added to the diagonal of its covariance, which is then given as such.
Gaussian with_offset(Gaussian fitted, double offset);

}  // namespace assay
