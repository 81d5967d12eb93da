#include "reproductions/ed_dpm/guidance_scores.h"

#include <algorithm>

namespace assay::ed_dpm {

void record_events(const std::string& arm, const GuidanceEvents& events, const nlohmann::json& params,
                   StageOutput& out) {
  const auto add = [&](const char* name, double value) {
    out.scores.push_back({.arm = arm,
                          .name = name,
                          .value = value,
                          .direction = Better::lower,
                          .n = events.samples,
                          .protocol = "guidance-events",
                          .params = params});
  };
  const auto share = [&](std::int64_t count) {
    return static_cast<double>(count) / static_cast<double>(std::max<std::int64_t>(1, events.samples));
  };
  out.protocols.push_back({.name = "guidance-events"});
  add("non_finite", static_cast<double>(events.non_finite));
  add("largest_k", events.largest_k);
  add("share_clamped", share(events.clamped));
  add("share_k_above_1e4", share(events.above_1e4));
  add("share_confidently_wrong", share(events.confidently_wrong));
}

}  // namespace assay::ed_dpm
