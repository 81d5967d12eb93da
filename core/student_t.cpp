#include "core/student_t.h"

#include <fmt/format.h>

#include <cmath>

#include "core/error.h"

namespace assay {
namespace {

/// The regularised incomplete beta function I_x(a, b) by its continued fraction (modified Lentz).
double incomplete_beta(double a, double b, double x) {
  if (x <= 0.0) return 0.0;
  if (x >= 1.0) return 1.0;
  if (x > (a + 1.0) / (a + b + 2.0)) return 1.0 - incomplete_beta(b, a, 1.0 - x);  // where the fraction converges fast
  constexpr double tiny = 1e-300;
  const double front =
      std::exp(a * std::log(x) + b * std::log1p(-x) + std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b)) / a;
  double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0);
  d = 1.0 / (std::abs(d) < tiny ? tiny : d);
  double fraction = d;
  for (int i = 1; i < 100000; ++i) {
    const double m = i;
    double factor = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
    for (int half = 0; half < 2; ++half) {
      d = 1.0 + factor * d;
      d = 1.0 / (std::abs(d) < tiny ? tiny : d);
      c = 1.0 + factor / c;
      if (std::abs(c) < tiny) c = tiny;
      fraction *= c * d;
      if (half == 0) factor = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
    }
    if (std::abs(c * d - 1.0) < 1e-16) break;
  }
  return front * fraction;
}

}  // namespace

double student_t_upper_tail(double t, double degrees) {
  const double squared = t * t;
  if (squared < degrees) return 0.5 - 0.5 * incomplete_beta(0.5, degrees / 2.0, squared / (degrees + squared));
  return 0.5 * incomplete_beta(degrees / 2.0, 0.5, degrees / (degrees + squared));
}

double student_t_quantile(double probability, double degrees) {
  if (!(degrees > 0.0)) throw InputError(fmt::format("Student's t needs degrees of freedom above 0, got {}", degrees));
  if (!(probability > 0.0 && probability < 1.0)) {
    throw InputError(fmt::format("a t quantile needs a probability between 0 and 1, got {}", probability));
  }
  if (probability == 0.5) return 0.0;
  if (probability < 0.5) return -student_t_quantile(1.0 - probability, degrees);
  const double tail = 1.0 - probability;
  double low = 0.0, high = 1.0;
  while (student_t_upper_tail(high, degrees) > tail) {
    low = high;
    high *= 2.0;
  }
  for (;;) {  // until the two are neighbours in double
    const double middle = low + (high - low) / 2.0;
    if (middle <= low || middle >= high) return middle;
    (student_t_upper_tail(middle, degrees) > tail ? low : high) = middle;
  }
}

}  // namespace assay
