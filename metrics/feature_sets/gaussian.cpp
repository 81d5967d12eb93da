#include "metrics/feature_sets/gaussian.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace assay {

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
  Gaussian out;
  out.count = n;
  out.mean = Eigen::VectorXd::Zero(width);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < width; ++j)
      out.mean[j] += static_cast<double>(features[static_cast<std::size_t>(i * width + j)]);
  out.mean /= static_cast<double>(n);
  // A Householder reflection that maps (1, ..., 1) onto the first axis moves what centring made dependent into row 0,
  // which is dropped: n - 1 rows of full rank instead of n rows with one eigenvalue of rounding noise. Of centred rows
  // it takes x_0 / (1 + sqrt n) from each of the others.
  const double share = 1.0 / (1.0 + std::sqrt(static_cast<double>(n)));
  Eigen::VectorXd shift(width);
  for (std::int64_t j = 0; j < width; ++j)
    shift[j] = out.mean[j] + share * (static_cast<double>(features[static_cast<std::size_t>(j)]) - out.mean[j]);
  const double scale = 1.0 / std::sqrt(static_cast<double>(divisor == Divisor::n ? n : n - 1));
  out.rows.resize(n - 1, width);
  constexpr std::int64_t square = 32;  // in squares, which fit caches
  for (std::int64_t i0 = 1; i0 < n; i0 += square)
    for (std::int64_t j0 = 0; j0 < width; j0 += square)
      for (std::int64_t j = j0; j < std::min(j0 + square, width); ++j)
        for (std::int64_t i = i0; i < std::min(i0 + square, n); ++i)
          out.rows(i - 1, j) =
              (static_cast<double>(features[static_cast<std::size_t>(i * width + j)]) - shift[j]) * scale;
  return out;
}

Gaussian with_offset(Gaussian fitted, double offset) {
  if (fitted.low_rank()) {
    fitted.covariance = fitted.rows.transpose() * fitted.rows;
    fitted.rows.resize(0, 0);
  }
  fitted.covariance.diagonal().array() += offset;
  return fitted;
}

}  // namespace assay
