#pragma once
#include <array>
#include <cstdint>

namespace assay {

/// Pixels of one binary map, or of several together: on the true mask and found, found off it, missed, and neither.
struct PixelCounts {
  double hits = 0, alarms = 0, misses = 0, rest = 0;
};

/// What four counts are scored by, in the order of count_scores().
enum class CountScore { iou, specificity, dice, accuracy, kappa, precision, recall, fpr, ber, f };
constexpr std::size_t count_score_kinds = 10;

/// With H, A, M, R for hits, alarms, misses, rest and N for their sum, as PySODMetrics' FmeasureV2 has them:
///   iou H / (H + A + M); specificity R / (R + A); dice 2 H / (2 H + A + M); accuracy (H + R) / N;
///   kappa (accuracy - e) / (1 - e) with e = ((H + A)(H + M) + (R + M)(R + H)) / N^2 (Cohen 1960);
///   precision H / (H + A); recall H / (H + M); fpr A / (A + R); ber 1 - (recall + specificity) / 2;
///   f 1.3 P R / (0.3 P + R) of precision and recall.
/// Each quotient is 0 where its divisor is 0: a map without alarms on a mask without background has specificity 0.
std::array<double, count_score_kinds> count_scores(const PixelCounts& counts);

}  // namespace assay
