#include "diffusion/guidance/prompt_guidance.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <utility>

#include "core/error.h"
#include "diffusion/guidance/classifier_free.h"

namespace assay {
namespace {

std::string shape_of(const at::Tensor& part) {
  return part.defined() ? fmt::format("[{}]", fmt::join(part.sizes(), ", ")) : "nothing";
}

at::Tensor one_above_the_other(const char* name, const at::Tensor& negative, const at::Tensor& prompt) {
  const bool alike =
      negative.defined() == prompt.defined() &&
      (!prompt.defined() || (negative.sizes() == prompt.sizes() && negative.scalar_type() == prompt.scalar_type()));
  if (!alike)
    throw InputError(
        fmt::format("guidance: {} {} of the prompt and {} of the negative prompt; accepted: one shape and type", name,
                    shape_of(prompt), shape_of(negative)));
  return prompt.defined() ? at::cat({negative, prompt}) : at::Tensor();
}

}  // namespace

PromptGuidance::PromptGuidance(Condition prompt, Condition negative, double weight)
    : prompt_(std::move(prompt)),
      negative_(std::move(negative)),
      weight_(to_imagen(weight, GuidanceConvention::imagen)) {
  both_.vector = one_above_the_other("vector", negative_.vector, prompt_.vector);
  both_.layout = one_above_the_other("layout", negative_.layout, prompt_.layout);
  both_.text = one_above_the_other("text", negative_.text, prompt_.text);
}

Branches PromptGuidance::predict(const Denoiser& denoiser, const SamplingPoint& point) const {
  if (weight_ == 1.0) return {.with = denoiser.predict(point.x, point.timesteps, prompt_)};
  if (weight_ == 0.0) return {.without = denoiser.predict(point.x, point.timesteps, negative_)};
  const at::Tensor output =
      denoiser.predict(at::cat({point.x, point.x}), at::cat({point.timesteps, point.timesteps}), both_);
  const std::int64_t rows = point.x.size(0);
  return {.with = output.narrow(0, rows, rows), .without = output.narrow(0, 0, rows), .weight = weight_};
}

}  // namespace assay
