#include "diffusion/sampling/make_sampler.h"

#include <limits>
#include <utility>

#include "core/error.h"
#include "core/nearest.h"
#include "diffusion/sampling/diffusers/dpm_scheduler.h"
#include "diffusion/sampling/diffusers/euler_scheduler.h"
#include "diffusion/sampling/diffusers/pndm_scheduler.h"
#include "diffusion/sampling/plms.h"
#include "diffusion/sampling/scheduler_sampler.h"

namespace assay {
namespace {

const std::vector<std::pair<std::string, SamplerKind>> kinds = {
    {"ddim", SamplerKind::ddim}, {"ddpm", SamplerKind::ddpm},        {"plms", SamplerKind::plms},
    {"pndm", SamplerKind::pndm}, {"dpm++2m", SamplerKind::dpmpp_2m}, {"euler", SamplerKind::euler}};

template <class Scheduler_, class Options>
std::unique_ptr<Sampler> of_scheduler(const NoiseSchedule& schedule, const Options& options, std::int64_t steps) {
  return std::make_unique<SchedulerSampler>(
      [schedule, options] { return std::make_unique<Scheduler_>(schedule, options); }, steps);
}

}  // namespace

const std::vector<std::string>& sampler_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [name, kind] : kinds) all.push_back(name);
    return all;
  }();
  return names;
}

SamplerKind read_sampler(const std::string& name) {
  for (const auto& [known, kind] : kinds)
    if (known == name) return kind;
  throw InputError(unknown_name_message("sampler", name, sampler_names()));
}

std::unique_ptr<Sampler> make_sampler(SamplerKind kind, const NoiseSchedule& schedule, const DdimOptions& options) {
  switch (kind) {
    case SamplerKind::ddim:
      return std::make_unique<DdimSampler>(schedule, options);
    case SamplerKind::plms:
      return std::make_unique<PlmsSampler>(schedule, options);
    case SamplerKind::ddpm: {
      DdimOptions ancestral = options;
      ancestral.variant = DdimVariant::adm;
      ancestral.eta = 1.0;
      return std::make_unique<DdimSampler>(schedule, ancestral);
    }
    case SamplerKind::pndm: {
      PndmOptions pndm;
      pndm.skip_prk_steps = true;
      pndm.steps_offset = 1;
      return of_scheduler<PndmScheduler>(schedule, pndm, options.steps);
    }
    case SamplerKind::dpmpp_2m: {
      DpmSolverOptions dpm;
      // A largest value of 1 makes thresholding a plain clamp to [-1, 1].
      const double quantile = options.threshold_quantile;
      if (options.clip)
        dpm.thresholding = DynamicThreshold{quantile, quantile < 1 ? std::numeric_limits<double>::infinity() : 1.0};
      return of_scheduler<DpmSolverScheduler>(schedule, dpm, options.steps);
    }
    case SamplerKind::euler: {
      EulerOptions euler;
      euler.spacing = Spacing::trailing;
      return of_scheduler<EulerScheduler>(schedule, euler, options.steps);
    }
  }
  throw Error("unreachable");
}

}  // namespace assay
