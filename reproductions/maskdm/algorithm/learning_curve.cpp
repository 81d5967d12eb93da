#include "reproductions/maskdm/algorithm/learning_curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace assay::maskdm {

double LearningCurve::at(double where) const {
  if (x.empty() || x.size() != y.size() || where < x.front() || where > x.back())
    throw Error(fmt::format("a learning curve of {} points has no value at {}", x.size(), where));
  const auto after = std::lower_bound(x.begin(), x.end(), where);
  const auto i = static_cast<std::size_t>(after - x.begin());
  if (*after == where) return y[i];
  const double share = (where - x[i - 1]) / (x[i] - x[i - 1]);
  return y[i - 1] + share * (y[i] - y[i - 1]);
}

double LearningCurve::mean(double from, double to) const {
  if (!(from < to)) throw Error(fmt::format("a learning curve has no mean from {} to {}", from, to));
  double area = 0, left = from, left_height = at(from);
  for (std::size_t i = 0; i <= x.size(); ++i) {
    const double right = i == x.size() ? to : x[i];
    if (right <= left || right > to) continue;
    const double right_height = at(right);
    area += (right - left) * (left_height + right_height) / 2;
    left = right;
    left_height = right_height;
  }
  return area / (to - from);
}

Stretch common_stretch(const std::vector<LearningCurve>& curves) {
  Stretch stretch{-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  for (const LearningCurve& curve : curves) {
    stretch.from = std::max(stretch.from, curve.x.front());
    stretch.to = std::min(stretch.to, curve.x.back());
  }
  return stretch;
}

}  // namespace assay::maskdm
