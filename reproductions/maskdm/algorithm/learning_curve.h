#pragma once
#include <vector>

namespace assay::maskdm {

/// A score along a training: its value at some x (operations, or seconds), between them a straight line.
struct LearningCurve {
  std::vector<double> x;  // ascending
  std::vector<double> y;

  /// Throws Error outside [x.front(), x.back()].
  double at(double where) const;
  /// Mean height over [from, to], the area under the curve there over its width. Throws Error unless from < to, both on
  /// the curve.
  double mean(double from, double to) const;
};

/// The stretch of x that all curves cover; `from` may lie above `to` where there is none.
struct Stretch {
  double from, to;
};
Stretch common_stretch(const std::vector<LearningCurve>& curves);

}  // namespace assay::maskdm
