#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metrics/features/conv_encoder.h"
#include "reproductions/self_guided/algorithm/boxes.h"
#include "reproductions/self_guided/algorithm/layout_overlap.h"
#include "reproductions/self_guided/algorithm/segmentation.h"
#include "reproductions/self_guided/signals.h"

namespace assay::self_guided {

/// Finds layouts in images, real or generated, by the same means: LOST and k-means segments on activations of the
/// encoder, each image's mean taken off.
class LayoutFinder {
 public:
  LayoutFinder(ConvEncoder encoder, const LayoutConfig& config);

  /// [N, 1, H, W] float, 1 inside LOST's box; and the boxes.
  BoxLayouts boxes(const at::Tensor& images) const;
  /// Fits the clusters of segments(), of which there are config.mask_clusters.
  KMeansSegmentation fit_segments(const at::Tensor& images, KMeansConfig kmeans) const;
  /// [N, H, W] int64 for centroids of fit_segments().
  at::Tensor segments(const at::Tensor& images, const at::Tensor& centroids) const;

 private:
  ConvEncoder encoder_;
  LayoutConfig config_;
};

/// Arms self_box and self_mask, and what finds their layouts in generated images.
struct LayoutSignals {
  Signal box, mask;
  LayoutFinder finder;
  at::Tensor centroids;  // of the segments; undefined where another program's maps are shown

  /// Overlap of the layouts found in `images` [N, 3, H, W] with those that guided them, the training images' `sources`,
  /// in the sense of arm self_box or self_mask. Nothing for other arms and for masks of another program.
  std::optional<LayoutOverlap> overlap(const std::string& arm, const at::Tensor& images,
                                       const std::vector<std::int64_t>& sources) const;
};

/// Protocol `layout` with the encoder in whose features layouts are found.
ProtocolUse layout_protocol(const Config& config);

/// Stage "layouts", which records how often LOST's box is right (protocol corloc-lost) beside a centred box of half the
/// area. `clusters`: the image-level clusters that are shown with a box.
LayoutSignals layout_signals(Study& s, const Signal& clusters);

}  // namespace assay::self_guided
