#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "metrics/masks/distance_transform.h"
#include "metrics/masks/mask_pair.h"

namespace assay {

/// The weighted F-measure of Margolin, Zelnik-Manor, Tal (CVPR 2014) with the square of beta as given: errors are
/// smoothed by a 7 x 7 Gaussian of deviation 5 with zeros outside the image, background errors count more with the
/// distance d to the mask, 2 - 2^(-d/5). Distances in double.
class WeightedF {
 public:
  /// `level[v]` is the prediction in [0, 1] for grey value v; `foreground` the mask as 0 and 1, with at least one 1.
  double value(const MaskPair& pair, const std::uint8_t* foreground, const std::array<double, 256>& level,
               double beta_squared = 1.0);

 private:
  DistanceTransform transform_;
  std::vector<double> smoothed_;               // one row, smoothed both ways
  std::vector<double> error_;                  // of the nearest foreground pixel, with three zeros at both ends
  std::array<std::vector<double>, 7> smooth_;  // horizontally smoothed rows y - 6 ... y
};

}  // namespace assay
