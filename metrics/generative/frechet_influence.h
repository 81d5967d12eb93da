#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "metrics/generative/frechet.h"

namespace assay {

struct FrechetReduction;

/// Standard error of the Fréchet distance to `reference` over the choice of the samples `features` [n, width], row
/// after row, with the reference held fixed: the infinitesimal jackknife (Jaeckel 1972, Efron 1982). The distance's
/// derivative in the weight of sample x is
///   2 (m2 - m1)(x - m2) + |x - m2|^2 - (x - m2)^T T (x - m2),  less its mean,
/// with T = F (F^T S2 F)^(-1/2) F^T for S1 = F F^T, the optimal map between the Gaussians, and the error is the root
/// of the sum of its squares over n. Up to 384 dimensions, and where a covariance has not full rank, one
/// eigendecomposition, where a bootstrap takes one a replicate; beyond, inverse_root() of the very band from which the
/// distance has its eigenvalues, in fewer operations than the distance takes. Then the forms are summed in float32 of
/// what 1 - T is, and the bits do not depend on the number of threads. The jackknife and the bootstrap agree to first
/// order in 1/n. Throws InputError as gaussian() and frechet() do.
double frechet_standard_error(const Gaussian& reference, std::span<const float> features, std::int64_t width);

/// The same of samples whose Gaussian is known, with what frechet(reference, fitted, ...) left behind, if anything.
double frechet_standard_error(const Gaussian& reference, const Gaussian& fitted, std::span<const float> features,
                              const std::optional<FrechetReduction>& reduction);

}  // namespace assay
