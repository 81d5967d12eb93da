#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/array_file.h"

namespace assay {

/// Under which names a statistics file of ours holds its FeatureMoments.
inline const std::string moments_prefix = "moments.";

/// Which arrays of a file are what of one set of images; a name is empty where the file has none. The names that are
/// known, in the order in which they are looked for, are in set_layout.cpp and docs/measuring/folders-and-files.md; an
/// array under another name is taken where no other could be meant.
struct SetLayout {
  std::string features;                          // [N, D]
  std::string images;                            // U8 [N, H, W, C]; where there are images, there are no features
  std::string logits, labels;                    // [N, C], [N]
  std::string mean, covariance;                  // [D], [D, D]
  std::string spatial_mean, spatial_covariance;  // the same of the features behind sFID
  bool moments = false;                          // FeatureMoments, and nothing else
  std::vector<std::string> notes;                // which array was taken, and which was not

  bool statistics() const { return !mean.empty(); }
};

/// Throws InputError naming the file, and arrays with their types and shapes: where several could be meant, where one
/// has a known name and is neither features nor images, and where a mean has no covariance.
SetLayout find_layout(const ArrayFile& file);

/// Under which known name a file has labels; empty where it has none.
std::string label_name_in(const ArrayFile& file);

/// "'data' U8 [6, 3072], 'labels' I64 [6]": what a file holds, for messages; of many arrays the first few.
std::string contents_of(const ArrayFile& file);

/// The samples and their numbers where an array is features: [N, D], with any sides of 1 between or behind.
struct FeatureShape {
  std::int64_t count, width;
};
std::optional<FeatureShape> feature_shape(const std::vector<std::int64_t>& shape);

}  // namespace assay
