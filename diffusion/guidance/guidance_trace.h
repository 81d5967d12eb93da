#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "diffusion/guidance/classifier_guidance.h"

namespace assay {

/// Gathers what classifier guidance observed, over batches, and sums it up for each time step.
class GuidanceTrace {
 public:
  struct Summary {
    double mean, median;
  };
  struct Row {
    std::int64_t timestep;
    std::int64_t samples;
    Summary relative_entropy, log_probability, gradient_norm, scaled_norm;
  };

  void add(const GuidanceStep& step);
  /// For ClassifierGuidance::observe; this object must outlive the guidance.
  ClassifierGuidance::Observer observer() {
    return [this](const GuidanceStep& step) { add(step); };
  }

  /// In the order of sampling: the noisiest step first.
  std::vector<Row> rows() const;

 private:
  std::map<std::int64_t, GuidanceStep> by_timestep_;
};

}  // namespace assay
