#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "app/metric/metric_report.h"

namespace assay {

/// What `assay metric saliency` is asked for.
struct SaliencyCommand {
  std::filesystem::path prediction, truth;
  std::vector<std::string> protocols;
  std::string empty_mask = "protocol";
  int classes = 21, threads = 0;   // 0 threads: all cores
  std::int64_t replicates = 1000;  // 0: no intervals
  std::uint64_t seed = 0;
  bool per_image = false, skip_damaged = false;
  MetricOutput output;
};

/// Scores the predicted masks; returns the exit code 0. Throws InputError as match_images and leave_out_damaged, for
/// images that cannot be scored, and for an unknown protocol or treatment of empty masks.
int saliency_action(const SaliencyCommand& options);

}  // namespace assay
