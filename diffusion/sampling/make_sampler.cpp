#include "diffusion/sampling/make_sampler.h"

#include <fmt/format.h>

#include <limits>

#include "core/error.h"
#include "diffusion/sampling/diffusers/dpm_scheduler.h"
#include "diffusion/sampling/diffusers/euler_scheduler.h"
#include "diffusion/sampling/diffusers/pndm_scheduler.h"
#include "diffusion/sampling/plms.h"
#include "diffusion/sampling/scheduler_sampler.h"
#include "diffusion/sampling/vp_sde.h"

namespace assay {
namespace {

template <class Scheduler_, class Options>
std::unique_ptr<Sampler> of_scheduler(const NoiseSchedule& schedule, const Options& options, std::int64_t steps) {
  return std::make_unique<SchedulerSampler>(
      [schedule, options] { return std::make_unique<Scheduler_>(schedule, options); }, steps);
}

}  // namespace

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
      DpmOptions dpm;
      // A largest value of 1 makes thresholding a plain clamp to [-1, 1].
      const double quantile = options.threshold_quantile;
      if (options.clip)
        dpm.thresholding = DynamicThreshold{quantile, quantile < 1 ? std::numeric_limits<double>::infinity() : 1.0};
      return of_scheduler<DpmScheduler>(schedule, dpm, options.steps);
    }
    case SamplerKind::euler: {
      EulerOptions euler;
      euler.spacing = Spacing::trailing;
      return of_scheduler<EulerScheduler>(schedule, euler, options.steps);
    }
    case SamplerKind::euler_maruyama:
      // The SDE's beta(t) is what the linear schedule of 1000 steps cuts into steps.
      if (schedule.name != "linear" || schedule.steps() != 1000)
        throw InputError(fmt::format("sampler euler-maruyama: the schedule is {} of {} steps; accepted: linear of 1000",
                                     schedule.name, schedule.steps()));
      return std::make_unique<EulerMaruyamaSampler>(options.steps);
  }
  throw Error("unreachable");
}

}  // namespace assay
