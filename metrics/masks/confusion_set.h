#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "metrics/masks/confusion.h"

namespace assay {

/// The confusions of the images of a set. Of each, the cells that are not 0: of many classes an image holds few.
class ConfusionSet {
 public:
  ConfusionSet(std::int64_t images, int classes);

  /// Keeps the confusion of an image. Several threads may do so for different images.
  void set(std::int64_t image, const Confusion& counts);

  /// Of one confusion of all images.
  ConfusionScores scores() const;
  /// The same for `replicates` resamples of the images (metrics/statistics/bootstrap.h: resample_indices); none of
  /// fewer than two images. The values do not depend on `threads` (0: all cores).
  std::vector<ConfusionScores> bootstrap(std::int64_t replicates, std::uint64_t seed, int threads) const;
  /// True where no counted pixel of any image is of another true class than 0.
  bool holds_class_zero_alone() const;

 private:
  ConfusionScores scores_of(std::span<const std::int64_t> used) const;

  int classes_;
  std::vector<std::vector<std::pair<std::size_t, std::int64_t>>> images_;  // cells with their counts
};

}  // namespace assay
