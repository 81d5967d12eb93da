#include "metrics/double_features.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "metrics/dense.h"

namespace assay {

Gaussian gaussian_of_doubles(std::span<const double> features, std::int64_t width, Divisor divisor) {
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const std::int64_t n = static_cast<std::int64_t>(features.size()) / width;
  if (n < 2) throw InputError(fmt::format("a covariance needs at least 2 feature vectors, got {}", n));
  const Eigen::Map<const Rows> rows(features.data(), n, width);
  Gaussian out;
  out.count = n;
  // From the first row, so that features far from zero lose no digits.
  out.mean = rows.row(0) + (rows.rowwise() - rows.row(0)).colwise().mean();
  const double count = static_cast<double>(divisor == Divisor::n ? n : n - 1);
  if (n <= width) {
    // n - 1 rows of full rank, by the reflection of gaussian() in metrics/frechet.cpp.
    const double share = 1.0 / (1.0 + std::sqrt(static_cast<double>(n)));
    const Eigen::RowVectorXd shift = out.mean.transpose() + share * (rows.row(0) - out.mean.transpose());
    out.rows = (rows.bottomRows(n - 1).rowwise() - shift) / std::sqrt(count);
    return out;
  }
  out.covariance = Eigen::MatrixXd::Zero(width, width);
  constexpr std::int64_t block = 1024;
  const int side = static_cast<int>(width);
  dense::Matrix product(side, side);
  for (std::int64_t first = 0; first < n; first += block) {
    const int size = static_cast<int>(std::min(block, n - first));
    dense::Matrix centred(side, size);
    for (int i = 0; i < size; ++i)
      Eigen::Map<Eigen::VectorXd>(centred.column(i), width) = rows.row(first + i).transpose() - out.mean;
    dense::multiply(false, centred.all(), true, centred.all(), product.all());
    out.covariance += Eigen::Map<const Eigen::MatrixXd>(product.column(0), width, width);
  }
  out.covariance = (0.5 / count) * (out.covariance + out.covariance.transpose()).eval();
  return out;
}

}  // namespace assay
