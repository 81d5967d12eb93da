#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <vector>

namespace assay {

/// A linear classifier of feature vectors: ridge regression onto one-hot labels, the class with the largest answer.
/// Closed form, so nothing is drawn and nothing is tuned.
class LinearProbe {
 public:
  /// `features` [n, width] row-major; `labels` [n] in [0, classes). `ridge` is the penalty in units of the mean
  /// variance of a feature times n. Throws InputError for sizes that do not match, labels out of range, no rows, and
  /// values that are not finite.
  LinearProbe(std::span<const float> features, std::int64_t width, std::span<const std::int64_t> labels,
              std::int64_t classes, double ridge = 1e-3);

  /// The class of each row of `features` [n, width].
  std::vector<std::int64_t> classify(std::span<const float> features) const;

 private:
  Eigen::VectorXd mean_;
  Eigen::MatrixXd weights_;  // [width, classes]
  Eigen::VectorXd offset_;   // [classes]
};

}  // namespace assay
