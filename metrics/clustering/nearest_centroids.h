#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace assay {

/// The nearest centroid of every point while the centroids move: that of a full search by distances summed in double,
/// equal distances by smaller index.
class NearestCentroids {
 public:
  explicit NearestCentroids(std::int64_t points) : labels_(static_cast<std::size_t>(points)) {}
  virtual ~NearestCentroids() = default;
  NearestCentroids(const NearestCentroids&) = delete;
  NearestCentroids& operator=(const NearestCentroids&) = delete;

  /// Brings the labels up to date with these centroids, contiguous float32 [K, D] on the CPU. Throws InputError for a
  /// centroid too long for float32 products.
  virtual void update(const at::Tensor& centroids) = 0;
  /// The number of each point's centroid.
  const std::vector<std::int64_t>& labels() const { return labels_; }

 protected:
  std::vector<std::int64_t> labels_;
};

/// For `points`, contiguous float32 [N, D] on the CPU; `searched` holds the same points on the device that searches.
/// Throws InputError, naming the row, for a point too long for float32 products.
std::unique_ptr<NearestCentroids> nearest_centroids(const at::Tensor& points, const at::Tensor& searched,
                                                    std::int64_t clusters);

}  // namespace assay
