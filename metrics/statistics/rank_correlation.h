#pragma once
#include <span>

namespace assay {

/// Spearman's rho: the Pearson correlation of ranks, ties sharing their mean rank; in [-1, 1]. 0 where either side is
/// constant, since nothing then orders it. Throws InputError for different lengths, fewer than two values and NaN.
double spearman(std::span<const double> a, std::span<const double> b);

}  // namespace assay
