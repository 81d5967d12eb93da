#pragma once
#include <cstdint>
#include <vector>

namespace assay {

/// The skeleton of a mask of width * height bytes, 0 or 1, by the parallel thinning of Zhang and Suen (Commun. ACM
/// 27(3), 1984): pairs of passes until neither removes a pixel; pixels outside the image are background. The same
/// pixels as skimage.morphology.skeletonize, which treats 25 of the 256 neighbourhoods otherwise than the paper.
std::vector<std::uint8_t> skeleton_of(const std::vector<std::uint8_t>& mask, int width, int height);

}  // namespace assay
