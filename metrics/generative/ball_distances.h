#pragma once
#include <ATen/core/Tensor.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/smallest_distances_math.h"
#include "metrics/feature_sets/feature_rows.h"

namespace assay {

/// What two rows are apart, and how exactly.
enum class BallDistance {
  /// Euclidean: summed in double, rounded to float32, as prdc (scikit-learn) does with float32 features.
  euclidean,
  /// The same, not rounded, as scikit-learn does with float64 features.
  euclidean_double,
  /// Squared, in float16, as the OpenAI evaluator: features, their squares, norms, products, differences and sums are
  /// each rounded. Float32 throughout where a norm or distance does not fit float16.
  half_squared
};

/// Half the distance of float32 numbers about 1: the relative error of one rounding.
constexpr double float32_rounding = FLT_EPSILON / 2.0;

inline double rounded_to_half(double value) {
  return static_cast<double>(static_cast<float>(c10::Half(static_cast<float>(value))));
}

/// The rows of a set: as the protocol compares them, and centred for the products.
struct ComparedRows {
  std::vector<float> rounded;  // to float16, where the protocol does that
  const float* rows = nullptr;
  std::int64_t count = 0, width = 0;
  at::Tensor centred;              // float32 [count, width]
  std::vector<double> lengths;     // of the centred rows
  std::vector<float> norms;        // their squares
  std::vector<double> raw_norms;   // of the rows themselves, half_squared only
  std::vector<double> half_norms;  // as float16 gives them, half_squared only
  double longest = 0.0, largest_raw_norm = 0.0;

  const float* row(std::int64_t i) const { return rows + i * width; }
};

/// The mean of each column, summed in double.
std::vector<float> mean_row(const FeatureRows& rows);

/// Whether float16 can hold what `half_squared` rounds to it.
bool fits_half(const FeatureRows& rows);

/// Centred on `centre`, one value a column. `rows` must outlive the result. Throws InputError, naming `what`, for
/// values too large for float32 products.
ComparedRows compared_rows(const FeatureRows& rows, const std::vector<float>& centre, BallDistance distance,
                           const char* what);

/// The distances of a protocol between rows, and bounds between them and float32 scores.
class BallMetric {
 public:
  BallMetric(BallDistance distance, std::int64_t width) : distance_(distance), width_(width) {}

  double between(const ComparedRows& x, std::int64_t i, const ComparedRows& y, std::int64_t j) const {
    if (distance_ == BallDistance::euclidean)
      return double{std::sqrt(static_cast<float>(squared_distance(x.row(i), y.row(j), width_)))};
    if (distance_ == BallDistance::euclidean_double) return std::sqrt(squared_distance(x.row(i), y.row(j), width_));
    double product = 0.0;
    const float *a = x.row(i), *b = y.row(j);
    for (std::int64_t d = 0; d < width_; ++d) product += double{a[d]} * double{b[d]};
    const double less = rounded_to_half(x.half_norms[static_cast<std::size_t>(i)] - 2.0 * rounded_to_half(product));
    return std::max(0.0, rounded_to_half(less + y.half_norms[static_cast<std::size_t>(j)]));
  }

  /// By how much float32 scores may differ from the squares of the true distances, of a row with any of the other side.
  double score_slack(const ComparedRows& x, std::int64_t i, const ComparedRows& y) const {
    const double a = x.lengths[static_cast<std::size_t>(i)], b = y.longest;
    return score_error(a, b, width_ + 8) + 8.0 * float32_rounding * (a * a + b * b) + distance_slack(x, i, y);
  }

  /// Squares of true distances beyond this lie outside a ball of this radius, in any case.
  double outside(double radius) const {
    return distance_ != BallDistance::half_squared ? radius * radius * (1.0 + 8.0 * float32_rounding) + FLT_MIN
                                                   : radius;
  }
  /// Below this they lie inside.
  double inside(double radius) const {
    return distance_ != BallDistance::half_squared ? radius * radius * (1.0 - 8.0 * float32_rounding) - FLT_MIN
                                                   : radius;
  }

 private:
  /// Between the square of a true distance and what `between` compares, where that is no function of the former.
  double distance_slack(const ComparedRows& x, std::int64_t i, const ComparedRows& y) const {
    if (distance_ != BallDistance::half_squared) return 0.0;
    return 8.0 / 2048.0 * (x.raw_norms[static_cast<std::size_t>(i)] + y.largest_raw_norm) +
           static_cast<double>(width_ + 8) / 8388608.0;
  }

  BallDistance distance_;
  std::int64_t width_;
};

}  // namespace assay
