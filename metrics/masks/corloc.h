#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "core/score_interval.h"

namespace assay {

/// xmin, ymin, xmax, ymax in pixels.
using BoxCorners = std::array<double, 4>;

/// Overlap of two boxes as LOST computes it (after YOLOv5): widths and heights without + 1, 1e-7 added to both heights
/// and to the union, in float32, where those vanish for boxes of two pixels and more: an overlap of exactly one half
/// counts.
double lost_iou(const BoxCorners& a, const BoxCorners& b);

/// Whether the box overlaps any of the true boxes by at least one half.
bool correctly_localised(const BoxCorners& box, std::span<const BoxCorners> truth);

/// Wilson's 95 % interval of a share of `hits` in n >= 1 (Wilson 1927). Throws InputError unless 0 <= hits <= n.
/// `method` is the interval's own, as in "Wilson over images". In the last bits it differs from wilson_interval()
/// (metrics/statistics/proportion.h), and recorded scores keep theirs.
ScoreInterval corloc_interval(std::int64_t hits, std::int64_t n, std::string method = {});

}  // namespace assay
