#pragma once
#include <cstdint>
#include <filesystem>

#include "app/metric/metric_report.h"

namespace assay {

/// What `assay metric clustering` is asked for.
struct ClusteringCommand {
  std::filesystem::path truth, prediction;
  bool per_class = false;
  std::int64_t replicates = 200;  // 0: no intervals
  std::uint64_t seed = 0;
  int threads = 0;  // 0: all cores
  MetricOutput output;
};

/// Scores the agreement of the two labellings; returns the exit code 0. Throws InputError as read_label_file, and for
/// labellings of different lengths.
int clustering_action(const ClusteringCommand& options);

}  // namespace assay
