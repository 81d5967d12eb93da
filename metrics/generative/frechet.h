#pragma once
#include <optional>
#include <string>

#include "metrics/feature_sets/gaussian.h"

namespace assay {

/// d^2 = |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2))  (Dowson & Landau 1982), never negative.
struct FrechetDistance {
  double value;
  double mean_term;        // |m1 - m2|^2
  double covariance_term;  // the rest
  // How the trace of the square root was found: "cholesky", "singular-values", "low-rank", "low-rank-singular-values",
  // or "equal" for one Gaussian twice. docs/decisions/0008 says which is taken when.
  std::string route;
  double residual;  // estimate of the absolute rounding error of `value`, not a bound (docs/decisions/0008)
};

struct FrechetReduction;

/// Works on symmetric matrices alone, so nothing becomes complex and no multiple of the identity is added. Up to 128
/// dimensions, and from 384 on by the Cholesky route, the bits do not depend on the number of threads. Throws
/// InputError when the widths differ, a Gaussian is empty or not finite, or a covariance is not square.
FrechetDistance frechet(const Gaussian& a, const Gaussian& b);

/// The same, and what was worked out for it with S1 the covariance of `a` (frechet_reduction.h): nothing below 384
/// dimensions, off the Cholesky route, and where S1 was that of `b`.
FrechetDistance frechet(const Gaussian& a, const Gaussian& b, std::optional<FrechetReduction>& of_a);

}  // namespace assay
