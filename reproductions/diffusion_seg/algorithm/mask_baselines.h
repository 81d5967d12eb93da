#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace assay::diffusion_seg {

// What AttentionCut has to beat. Maps and masks are row-major; 1 is the object.

/// 1 where the map is above `threshold`. Throws InputError for NaN.
std::vector<std::uint8_t> above(std::span<const float> map, double threshold);

/// Otsu's threshold: the map's range in `bins` equal bins, the last one closed; of the splits into lower and upper bins
/// the one with the largest variance between the two classes, the lowest of equal ones; the threshold is the centre of
/// the last lower bin, and above() applies it. scikit-image's threshold_otsu(map, nbins) is the same rule. A map of one
/// value gives that value. Throws InputError for an empty map, values that are not finite, and fewer than 2 bins.
double otsu_threshold(std::span<const float> map, std::int64_t bins = 256);

/// The threshold under which above() fits a true mask best, which no method may know: an upper bound of thresholding.
struct BestThreshold {
  double threshold;  // one of the map's values, or the largest float below the least one, under which all is object
  double iou;        // 1 where both masks are empty
};
/// The largest of equally good ones. Throws Error when sizes differ, and InputError for an empty map, NaN, or a true
/// value other than 0 and 1.
BestThreshold best_threshold(std::span<const float> map, std::span<const std::uint8_t> truth);

/// Attention spread along self-attention: S^power c for S [n, n] and c [n], scaled to [0, 1] as min_max() does (Dataset
/// Diffusion, NeurIPS 2023, has power 4 and takes values of at least 0.6 for the object). Throws Error when S has
/// another size and InputError for a power below 0.
std::vector<float> propagated(std::span<const float> self, std::span<const float> map, std::int64_t power);

/// 1 where propagated() is at least `threshold`.
std::vector<std::uint8_t> propagated_mask(std::span<const float> self, std::span<const float> map, std::int64_t power,
                                          double threshold);

/// Each pixel is 1 with probability `area`, from the stream of image `item` under `seed`. Throws InputError for an area
/// outside [0, 1].
std::vector<std::uint8_t> random_mask(std::int64_t pixels, double area, std::uint64_t seed, std::uint64_t item);

}  // namespace assay::diffusion_seg
