#pragma once
#include <span>

namespace assay {

/// Two-sided p-value of the Mann-Whitney test (Wilcoxon's rank sum; Mann and Whitney 1947) that values of neither side
/// tend to be larger. Exact where no value occurs twice and the sizes' product is at most 400; else by the normal
/// distribution, with the correction for ties and for continuity, as SciPy's mannwhitneyu. 1 where all values are
/// equal. Throws InputError for an empty side and NaN.
double rank_sum_p_value(std::span<const double> a, std::span<const double> b);

}  // namespace assay
