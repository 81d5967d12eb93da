#include "metrics/statistics/score_range.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace assay {
namespace {

constexpr double endless = std::numeric_limits<double>::infinity();

struct Row {
  std::string_view metric;
  double low, high;
};

constexpr std::array<Row, 34> table = {{
    {"accuracy", 0, 1},
    {"accuracy_many_to_one", 0, 1},
    {"accuracy_one_to_one", 0, 1},
    {"adaptive_e", 0, endless},  // n / (n - 1) for a perfect map of n pixels
    {"adaptive_f", 0, 1},
    {"ami", -endless, 1},
    {"ari", -0.5, 1},  // Chacón & Rastrojo 2023
    {"best_cluster_purity", 0, 1},
    {"best_cluster_share", 0, 1},
    {"completeness", 0, 1},
    {"corloc", 0, 1},
    {"coverage", 0, 1},
    {"density", 0, endless},
    {"fd", 0, endless},
    {"fid", 0, endless},
    {"fid_infinity", 0, endless},
    {"homogeneity", 0, 1},
    {"iou", 0, 1},
    {"is_mean", 1, endless},
    {"is_std", 0, endless},
    {"kid_std", 0, endless},
    {"mae", 0, 1},
    {"max_e", 0, endless},
    {"max_f", 0, 1},
    {"mean_e", 0, endless},
    {"mean_f", 0, 1},
    {"nmi", 0, 1},
    {"precision", 0, 1},
    {"recall", 0, 1},
    {"s_measure", 0, 1},
    {"sfid", 0, endless},
    {"v_measure", 0, 1},
    {"weighted_f", 0, 1},
    // An unbiased estimate may lie below zero.
    {"kid_mean", -endless, endless},
}};

ScoreInterval part_of(ScoreInterval interval, const Interval& range) {
  interval.low = std::clamp(interval.low, range.low, range.high);
  interval.high = std::clamp(interval.high, range.low, range.high);
  return interval;
}

}  // namespace

Interval score_range(std::string_view metric) {
  for (const Row& row : table)
    if (row.metric == metric) return {row.low, row.high};
  return {-endless, endless};
}

ScoreInterval within_range(std::string_view metric, ScoreInterval interval) {
  return part_of(std::move(interval), score_range(metric));
}

ScoreInterval within_difference_range(std::string_view metric, ScoreInterval interval) {
  const Interval range = score_range(metric);
  const double reach = range.high - range.low;
  return part_of(std::move(interval), {-reach, reach});
}

}  // namespace assay
