#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "metrics/clustering/kmeans.h"
#include "reproductions/self_guided/algorithm/local_features.h"

namespace assay::self_guided {

/// What arm `self_mask` shows the denoiser: a map of clusters and which of them occur.
struct MaskLayouts {
  at::Tensor layout;  // [N, K, H, W] float, one-hot over K
  at::Tensor occurs;  // [N, K] float, 1 for the clusters that the layout shows (multi-hot)
};

/// One-hot layouts of cluster ids [N, H, W] int64. Throws InputError for an id outside [0, K).
MaskLayouts mask_layouts(const at::Tensor& ids, std::int64_t clusters);

/// An image whose cluster map is wanted, and its size.
struct NamedSize {
  std::string stem;
  std::int64_t height = 0, width = 0;
};

/// Cluster maps that another program has written (STEGO's inference: argmax of its cluster probe after the CRF, raw
/// ids without any matching to classes): STEM.png in `folder`, grey or palette, the id as stored, as large as the
/// image. Returns [H, W] int64 each, in the order asked for. Other files are left alone. Throws InputError for missing
/// files, ids of `clusters` and more, other sizes and kinds, saying how many, which first, and what is accepted.
std::vector<at::Tensor> read_cluster_maps(const std::filesystem::path& folder, const std::vector<NamedSize>& images,
                                          std::int64_t clusters);

/// Mini tier, our own and not STEGO: the cluster of every pixel, ids [N, H, W] int64, by the nearest of `centroids`
/// [K, C]. Each image's grid of features is enlarged to pixels bilinearly first, so borders are finer than the grid.
at::Tensor assign_pixels(const LocalFeatures& features, const at::Tensor& centroids, bool normalised);

/// k-means over the local features of all images (`kmeans.clusters` is K), and the pixels it assigns, on unit vectors
/// where it was fitted on them. Throws InputError as kmeans_fit.
struct KMeansSegmentation {
  at::Tensor ids;  // [N, H, W] int64
  KMeans fit;
};
KMeansSegmentation segment_by_kmeans(const LocalFeatures& features, const KMeansConfig& kmeans);

}  // namespace assay::self_guided
