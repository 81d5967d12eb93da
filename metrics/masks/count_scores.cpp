#include "metrics/masks/count_scores.h"

namespace assay {
namespace {

double quotient(double numerator, double divisor) { return divisor == 0.0 ? 0.0 : numerator / divisor; }

}  // namespace

std::array<double, count_score_kinds> count_scores(const PixelCounts& counts) {
  const auto [hits, alarms, misses, rest] = counts;
  const double all = hits + alarms + misses + rest;
  const double accuracy = quotient(hits + rest, all);
  const double by_chance = quotient((hits + alarms) * (hits + misses) + (rest + misses) * (rest + hits), all * all);
  const double precision = quotient(hits, hits + alarms), recall = quotient(hits, hits + misses),
               specificity = quotient(rest, rest + alarms);
  return {quotient(hits, hits + alarms + misses),
          specificity,
          quotient(2.0 * hits, 2.0 * hits + alarms + misses),
          accuracy,
          quotient(accuracy - by_chance, 1.0 - by_chance),
          precision,
          recall,
          quotient(alarms, rest + alarms),
          1.0 - 0.5 * (recall + specificity),
          quotient(1.3 * precision * recall, 0.3 * precision + recall)};
}

}  // namespace assay
