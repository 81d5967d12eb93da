#include "diffusion/sampling/sampler.h"

#include <fmt/format.h>

#include "core/error.h"

namespace assay {

at::Tensor noise_of_step(const StepNoise& noise, std::int64_t step, const char* sampler) {
  if (!noise) throw Error(fmt::format("{} sampler: step {} adds noise, but none is given", sampler, step));
  return noise(step);
}

}  // namespace assay
