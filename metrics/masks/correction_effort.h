#pragma once
#include <cstdint>
#include <vector>

namespace assay {

/// The human correction effort (Qin, Dai, Hu, Fan, Shao, Van Gool, ECCV 2022) as PySODMetrics 1.6.2 works it out: how
/// many points a person must set to correct a binary map, of the polygons along borders that were missed or drawn too
/// much, and one for each region that stands alone. What lies within 5 pixels of the border of truth and map together
/// is forgiven, except where the skeleton of the truth is missed. Borders are simplified within 2 pixels.
///
/// `truth` and `map` hold width * height bytes, 0 or 1. A number of points, 0 for a perfect map.
std::int64_t correction_effort(const std::vector<std::uint8_t>& truth, const std::vector<std::uint8_t>& map, int width,
                               int height);

}  // namespace assay
