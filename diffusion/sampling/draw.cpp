#include "diffusion/sampling/draw.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/nearest.h"
#include "diffusion/guidance/classifier_free.h"
#include "diffusion/sampling/diffusers/dpm_scheduler.h"
#include "diffusion/sampling/diffusers/euler_scheduler.h"
#include "diffusion/sampling/diffusers/pndm_scheduler.h"
#include "diffusion/sampling/plms.h"

namespace assay {
namespace {

std::unique_ptr<Scheduler> scheduler_of(const NoiseSchedule& schedule, const SamplerOptions& options) {
  if (options.kind == SamplerKind::pndm) {
    PndmOptions pndm;
    pndm.skip_prk_steps = true;
    pndm.steps_offset = 1;
    return std::make_unique<PndmScheduler>(schedule, pndm);
  }
  if (options.kind == SamplerKind::euler) {
    EulerOptions euler;
    euler.spacing = Spacing::trailing;
    return std::make_unique<EulerScheduler>(schedule, euler);
  }
  DpmOptions dpm;
  // A largest value of 1 makes thresholding a plain clamp to [-1, 1].
  const double quantile = options.ddim.threshold_quantile;
  if (options.ddim.clip)
    dpm.thresholding = DynamicThreshold{quantile, quantile < 1 ? std::numeric_limits<double>::infinity() : 1.0};
  return std::make_unique<DpmScheduler>(schedule, dpm);
}

}  // namespace

const std::vector<std::string>& sampler_names() {
  // In the order of SamplerKind.
  static const std::vector<std::string> names = {"ddim", "ddpm", "plms", "pndm", "dpm++2m", "euler"};
  return names;
}

SamplerKind read_sampler(const std::string& name) {
  const auto& names = sampler_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw InputError(unknown_name_message("sampler", name, names));
  return static_cast<SamplerKind>(found - names.begin());
}

at::Tensor draw_samples(const Denoiser& denoiser, const NoiseSchedule& schedule, const SamplerOptions& options,
                        at::Tensor x, const Condition& condition, const StepNoise& noise) {
  switch (options.kind) {
    case SamplerKind::ddim:
      return ddim_sample(denoiser, schedule, options.ddim, std::move(x), condition, noise);
    case SamplerKind::plms:
      return plms_sample(denoiser, schedule, options.ddim, std::move(x), condition);
    case SamplerKind::ddpm: {
      DdimOptions ancestral = options.ddim;
      ancestral.variant = DdimVariant::adm;
      ancestral.eta = 1.0;
      return ddim_sample(denoiser, schedule, ancestral, std::move(x), condition, noise);
    }
    default:
      break;
  }
  const auto scheduler = scheduler_of(schedule, options);
  scheduler->set_timesteps(options.ddim.steps);
  return run_scheduler(*scheduler, denoiser, scheduler->init_noise_sigma() * x, condition, options.ddim.weight, noise);
}

at::Tensor run_scheduler(Scheduler& scheduler, const Denoiser& denoiser, at::Tensor x, const Condition& condition,
                         double weight, const StepNoise& noise) {
  if (scheduler.prediction() != Prediction::epsilon)
    throw InputError("sampler: a denoiser predicts noise; accepted prediction_type: epsilon");
  const std::vector<double>& times = scheduler.timesteps();
  for (std::size_t i = 0; i < times.size(); ++i) {
    stop_if_interrupted();
    const bool whole = times[i] == std::trunc(times[i]);
    const at::Tensor t = at::full({x.size(0)}, times[i], x.options().dtype(whole ? at::kLong : at::kFloat));
    const at::Tensor eps = guided_prediction(denoiser, scheduler.scale_model_input(x), t, condition, weight);
    at::Tensor z;
    if (scheduler.needs_noise() && noise) z = noise(static_cast<std::int64_t>(i));
    x = scheduler.step(eps, x, z);
  }
  return x;
}

}  // namespace assay
