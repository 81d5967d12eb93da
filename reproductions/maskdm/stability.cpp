#include "reproductions/maskdm/stability.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace assay::maskdm {

Swing swing_of(const std::vector<float>& trace) {
  if (trace.size() < 4) throw Error(fmt::format("a trace of {} steps has no spread", trace.size()));
  std::vector<double> half(trace.begin() + static_cast<std::ptrdiff_t>(trace.size() / 2), trace.end());
  double mean = 0, variance = 0;
  for (const double value : half) mean += value / static_cast<double>(half.size());
  for (const double value : half) variance += (value - mean) * (value - mean) / static_cast<double>(half.size() - 1);
  std::sort(half.begin(), half.end());
  const std::size_t middle = half.size() / 2;
  const double median = half.size() % 2 == 1 ? half[middle] : (half[middle - 1] + half[middle]) / 2;
  const auto above = std::count_if(half.begin(), half.end(), [&](double value) { return value > 2 * median; });
  return {std::sqrt(variance) / mean, static_cast<double>(above) / static_cast<double>(half.size())};
}

void stability(Study& s) {
  const ImageSet images = all_training_images(s);
  for (const std::int64_t batch : s.config.stability.batches) {
    const std::string arm = fmt::format("batch{}", batch);
    PlannedPhase phase{s.config.stability.phase, &images};
    phase.options.batch = batch;
    const TrainedPhase trained = train_phases(s, arm, {phase}).front().trained;
    s.run.stage("stability:" + arm, [&](StageOutput& out) {
      out.protocols.push_back(
          {.name = "training", .choices = {{"mask", to_json(phase.options.mask)}, {"steps", phase.options.steps}}});
      const nlohmann::json params = {{"batch", batch}};
      const auto steps = static_cast<std::int64_t>(trained.loss.size());
      const auto add = [&](const char* name, double value) {
        out.scores.push_back({.arm = arm,
                              .name = name,
                              .value = value,
                              .direction = Better::lower,
                              .n = steps,
                              .protocol = "training",
                              .params = params});
      };
      add("diverged", trained.diverged_at ? 1 : 0);
      if (steps < 4) return;
      const Swing norm = swing_of(trained.gradient_norm);
      add("loss_spread", swing_of(trained.loss).spread);
      add("gradient_norm_spread", norm.spread);
      add("gradient_spikes", norm.spikes);
    });
  }
}

}  // namespace assay::maskdm
