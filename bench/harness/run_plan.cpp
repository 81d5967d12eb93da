#include "bench/harness/run_plan.h"

#include "bench/harness/device.h"
#include "kernels/thread_count.h"
#include "reproductions/configured_method.h"

namespace assay {

std::vector<RunPlan> plan_runs(const RunRequest& request) {
  const at::Device device = choose_device(request.device);
  const ThreadCount threads(thread_total(request.threads));
  std::vector<RunPlan> plans;
  for (const std::string& id : method_ids(request.methods)) {
    const ConfiguredMethod configured = configured_method(id, request);
    const Method& method = *configured.method;
    plans.push_back({.method = id,
                     .tier = request.tier,
                     .seeds = request.seeds,
                     .config = configured.config,
                     .steps = method.describe(),
                     .missing = method.needs(),
                     .published = method.published_plan(device)});
  }
  return plans;
}

nlohmann::json plans_json(const std::vector<RunPlan>& plans) {
  nlohmann::json list = nlohmann::json::array();
  for (const RunPlan& plan : plans) {
    nlohmann::json entry = {{"method", plan.method}, {"tier", plan.tier},   {"seeds", plan.seeds},
                            {"config", plan.config}, {"steps", plan.steps}, {"missing", plan.missing}};
    if (plan.published) entry["published"] = to_json(*plan.published);
    list.push_back(std::move(entry));
  }
  return {{"plans", std::move(list)}};
}

}  // namespace assay
