#pragma once
#include <cstdint>
#include <vector>

#include "metrics/masks/distance_transform.h"
#include "metrics/masks/mask_pair.h"

namespace assay {

/// The boundary of a mask: foreground pixels with a background pixel among their four neighbours. What lies outside the
/// image is no neighbour: where an object is cut off by the frame, the frame is no boundary of it. `mask` holds
/// width * height bytes, background where 0; so does the result, of 0 and 1.
std::vector<std::uint8_t> boundary_of(const std::uint8_t* mask, int width, int height);

/// How well the boundary of a prediction follows that of the truth.
struct BoundaryScore {
  double precision = 0, recall = 0, f = 0;
  std::int64_t predicted = 0, matched_predicted = 0;  // pixels of the predicted boundary
  std::int64_t truth = 0, matched_truth = 0;          // of the true one
};

/// A boundary pixel is matched when a pixel of the other boundary lies within `tolerance` pixels of it, from centre to
/// centre. Precision is the matched share of the predicted boundary, recall that of the true one, and f their harmonic
/// mean, 0 where both are 0. Several pixels may match the same one, as in Csurka et al. (BMVC 2013) and DAVIS (Perazzi
/// et al., CVPR 2016); BSDS pairs them off instead. A band of one pixel is `tolerance` 1: the pixel itself and its four
/// neighbours, as DAVIS's disk of radius 1.
///
/// An empty mask and a full one have no boundary. Where neither mask has one all three are 1; where one has none all
/// three are 0.
///
/// Foreground is what is not 0: a prediction is thresholded before. An object keeps scratch memory; one a thread.
class BoundaryF {
 public:
  /// Throws InputError unless `tolerance` is 0 or more and below 2^20.
  BoundaryScore score(const MaskPair& masks, double tolerance = 1.0);

 private:
  /// How many pixels of `boundary` lie near one of `other`.
  std::int64_t matched(const std::vector<std::uint8_t>& boundary, const std::vector<std::uint8_t>& other,
                       const MaskPair& masks, double tolerance);

  DistanceTransform transform_;
};

}  // namespace assay
