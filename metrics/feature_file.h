#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "metrics/feature_set.h"

namespace assay {

/// Under which names a statistics file of ours holds its FeatureMoments.
inline const std::string moments_prefix = "moments.";

/// What of a file's features is kept in memory.
enum class KeepOfFeatures {
  samples,                 ///< all
  rounded,                 ///< features as float32, not as doubles
  rounded_and_statistics,  ///< the same, and mean and covariance of doubles where there are more samples than
                           ///< dimensions
  statistics               ///< mean and covariance alone where there are more samples than dimensions, no logits
};

/// Reads features or statistics of a set of images, told apart by what the file holds:
///   .safetensors  `features` F32 [N, D], with `logits` F32 [N, C] and `labels` I64 [N] where there are any;
///                 or feature moments (FeatureMoments::save under moments_prefix); or `mu` [D], `sigma` [D, D] and `n`
///   .npz          `features` or `arr_0` [N, D], `logits`, `labels`; or `mu`, `sigma` and, for sFID, `mu_s`, `sigma_s`
/// Float64 features are rounded to float32, what feature networks give, and kept as they are beside that
/// (FeatureSet::doubles). A value beyond float32's range is not finite. Files are read piece by piece: what is not kept
/// takes no memory, and the hash is the same.
/// Throws InputError naming file, tensor, row and column for a value that is not finite, shapes that do not fit, a
/// sigma that is no covariance (not square, not symmetric, with a negative eigenvalue), and an empty set.
FeatureSet read_feature_file(const std::filesystem::path& file, KeepOfFeatures keep = KeepOfFeatures::samples);

/// The moments of the features in a file, the first of which is sample `first_index`, rounded to float32. Throws
/// InputError as read_feature_file(), and where it holds none.
FeatureMoments read_feature_moments(const std::filesystem::path& file, std::int64_t first_index,
                                    const std::function<void(std::int64_t done, std::int64_t count)>& progress);

}  // namespace assay
