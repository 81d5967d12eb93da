#pragma once
#include <filesystem>

#include "app/metric/metric_report.h"
#include "app/metric/true_boxes.h"

namespace assay {

/// What `assay metric corloc` is asked for.
struct CorlocCommand {
  std::filesystem::path prediction;
  TruthOptions truth;
  MetricOutput output;
};

/// Scores the predicted boxes; returns the exit code 0. Throws InputError for files that hold no boxes, or other images
/// than each other.
int corloc_action(const CorlocCommand& options);

}  // namespace assay
