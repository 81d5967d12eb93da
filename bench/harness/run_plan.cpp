#include "bench/harness/run_plan.h"

#include "bench/harness/machine.h"
#include "kernels/thread_count.h"
#include "reproductions/method.h"

namespace assay {

std::vector<RunPlan> plan_runs(const RunRequest& request) {
  const at::Device device = choose_device(request.device);
  const ThreadCount threads(thread_total(request.threads));
  std::vector<RunPlan> plans;
  for (const std::string& id : method_ids(request.methods)) {
    RunPlan plan;
    plan.method = id;
    plan.tier = request.tier;
    plan.seeds = request.seeds;
    plan.config = complete_config(id, request);
    const MethodWork& work = method_entry(id).work_of(request.tier);
    plan.steps = work.describe(plan.config);
    plan.missing = work.needs(plan.config);
    if (work.published != nullptr) plan.published = work.published(plan.config, device);
    plans.push_back(std::move(plan));
  }
  return plans;
}

}  // namespace assay
