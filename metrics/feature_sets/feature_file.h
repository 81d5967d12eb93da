#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "images/set_layout.h"
#include "metrics/feature_sets/feature_set.h"

namespace assay {

/// What of a file's features is kept in memory.
enum class KeepOfFeatures {
  samples,                 // all
  rounded,                 // features as float32, not as doubles
  rounded_and_statistics,  // the same, and mean and covariance of doubles where there are more samples than
                           // dimensions
  statistics               // mean and covariance alone where there are more samples than dimensions, no logits
};

/// Reads features or statistics of a set of images from .safetensors, .npz or .npy, told apart by what the file holds
/// (images/set_layout.h): `features` [N, D], with `logits` [N, C] and `labels` (images/label_array.h) where there are
/// any; or feature moments (FeatureMoments::save under moments_prefix); or `mu` [D] and `sigma` [D, D], with `n` where
/// it is known and, for sFID, `mu_s` and `sigma_s`. Features are rounded to float32, what feature networks give, where
/// they are float64, and kept as they are beside that (FeatureSet::doubles); a value beyond float32's range is not
/// finite. Those of another type are converted exactly (FeatureSet::converted_from). Files are read piece by piece:
/// what is not kept takes no memory, and the hash is the same. Throws InputError naming file, array, row and column for
/// a value that is not finite and an integer that float32 cannot hold, shapes that do not fit, a sigma that is no
/// covariance (not square, not symmetric, with a negative eigenvalue), an empty set, and images.
FeatureSet read_feature_file(const std::filesystem::path& file, KeepOfFeatures keep = KeepOfFeatures::samples);

/// True where a file holds `mu` and `sigma` of a public statistics file, alone or beside images, whose statistics are
/// then those of the larger set that the images are from, as in OpenAI's reference batches. False for a folder.
bool holds_public_statistics(const std::filesystem::path& path);

/// The moments of the features in a file, the first of which is sample `first_index`, rounded to float32. `notes` gets
/// what FeatureSet::notes would hold of them. Throws InputError as read_feature_file(), and where it holds none.
FeatureMoments read_feature_moments(const std::filesystem::path& file, std::int64_t first_index,
                                    std::vector<std::string>& notes,
                                    const std::function<void(std::int64_t done, std::int64_t count)>& progress);

}  // namespace assay
