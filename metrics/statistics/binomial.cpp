#include "metrics/statistics/binomial.h"

#include <cmath>

namespace assay {
namespace {

/// Counts up from 0 while the probability mass passed stays below a uniform number.
std::int64_t by_inversion(std::int64_t n, double odds, double log_failure, RandomStream& random) {
  double mass = std::exp(static_cast<double>(n) * log_failure);
  double left = random.uniform();
  std::int64_t k = 0;
  while (left > mass && k < n) {
    left -= mass;
    mass *= odds * static_cast<double>(n - k) / static_cast<double>(k + 1);
    ++k;
  }
  return k;
}

std::int64_t by_rejection(std::int64_t trials, double p, RandomStream& random) {
  const auto n = static_cast<double>(trials);
  const double deviation = std::sqrt(n * p * (1.0 - p));
  const double b = 1.15 + 2.53 * deviation, a = -0.0873 + 0.0248 * b + 0.01 * p, c = n * p + 0.5;
  const double v_r = 0.92 - 4.2 / b, alpha = (2.83 + 5.1 / b) * deviation;
  const double log_odds = std::log(p / (1.0 - p)), mode = std::floor((n + 1.0) * p);
  const double at_mode = std::lgamma(mode + 1.0) + std::lgamma(n - mode + 1.0);
  for (;;) {
    const double u = random.uniform() - 0.5;
    double v = random.uniform();
    const double us = 0.5 - std::abs(u);
    const double k = std::floor((2.0 * a / us + b) * u + c);
    if (k < 0.0 || k > n) continue;
    if (us >= 0.07 && v <= v_r) return static_cast<std::int64_t>(k);
    v = std::log(v * alpha / (a / (us * us) + b));
    if (v <= at_mode - std::lgamma(k + 1.0) - std::lgamma(n - k + 1.0) + (k - mode) * log_odds)
      return static_cast<std::int64_t>(k);
  }
}

}  // namespace

Binomial::Binomial(double probability)
    : probability_(probability > 0.5 ? 1.0 - probability : probability), rarer_is_failure_(probability > 0.5) {
  if (!(probability_ > 0.0)) return;
  odds_ = probability_ / (1.0 - probability_);
  log_failure_ = std::log1p(-probability_);
}

std::int64_t Binomial::draw(std::int64_t n, RandomStream& random) const {
  if (n <= 0) return 0;
  std::int64_t rarer = 0;
  if (probability_ > 0.0)
    rarer = static_cast<double>(n) * probability_ < 10.0 ? by_inversion(n, odds_, log_failure_, random)
                                                         : by_rejection(n, probability_, random);
  return rarer_is_failure_ ? n - rarer : rarer;
}

std::int64_t binomial(std::int64_t n, double probability, RandomStream& random) {
  return Binomial(probability).draw(n, random);
}

}  // namespace assay
