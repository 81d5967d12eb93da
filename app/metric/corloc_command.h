#pragma once
#include <filesystem>

#include "app/metric/metric_report.h"

namespace assay {

/// What `assay metric corloc` is asked for.
struct CorlocCommand {
  std::filesystem::path prediction, truth;
  bool no_hard = false;   // difficult and truncated true boxes are dropped
  bool from_one = false;  // true boxes count pixels from 1
  MetricOutput output;
};

/// Scores the predicted boxes; returns the exit code 0. Throws InputError for files that hold no boxes, or other images
/// than each other.
int corloc_action(const CorlocCommand& options);

}  // namespace assay
