#pragma once
#include <filesystem>
#include <string>

#include "metrics/feature_set.h"

namespace assay {

/// Under which names a statistics file of ours holds its FeatureMoments.
inline const std::string moments_prefix = "moments.";

/// Reads features or statistics of a set of images, told apart by what the file holds:
///   .safetensors  `features` F32 [N, D], with `logits` F32 [N, C] and `labels` I64 [N] where there are any;
///                 or feature moments (FeatureMoments::save under moments_prefix); or `mu` [D], `sigma` [D, D] and `n`
///   .npz          `features` or `arr_0` [N, D], `logits`, `labels`; or `mu`, `sigma` and, for sFID, `mu_s`, `sigma_s`
/// Float64 features are rounded to float32, what feature networks give, and kept as they are beside that
/// (FeatureSet::doubles). A value beyond float32's range is not finite.
/// Throws InputError naming file, tensor, row and column for a value that is not finite, shapes that do not fit, a
/// sigma that is no covariance (not square, not symmetric, with a negative eigenvalue), and an empty set.
FeatureSet read_feature_file(const std::filesystem::path& file);

}  // namespace assay
