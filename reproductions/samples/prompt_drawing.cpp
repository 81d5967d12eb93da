#include "reproductions/samples/prompt_drawing.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/isfinite.h>
#include <fmt/format.h>

#include <mutex>
#include <optional>

#include "core/error.h"
#include "diffusion/guidance/prompt_guidance.h"
#include "diffusion/networks/sd/observed_denoiser.h"
#include "diffusion/sampling/scheduler_sampler.h"
#include "kernels/host_tensor.h"
#include "reproductions/samples/image_tensors.h"
#include "reproductions/samples/sample_noise.h"

namespace assay {
namespace {

/// Bytes have no such number: the images of a broken model would look like images.
void require_finite(const at::Tensor& x, const std::string& after, double weight) {
  if (!at::isfinite(x).all().item<bool>())
    throw InputError(
        fmt::format("draw: not a finite number after {}: weights that are none, a guidance weight that is too large "
                    "({}), or values beyond the type that the networks compute in",
                    after, weight));
}

}  // namespace

PassShape passes_of(const TextToImage& model, at::Device device) {
  constexpr std::int64_t large = 20'000'000;  // parameters
  if (model.parameters().count() >= large) return passes_of_published_network(device, 4);
  return passes_of_small_network(device, 10 * static_cast<std::int64_t>(at::get_num_threads()));
}

std::int64_t calls_of_drawing(const PromptDrawing& drawing, std::int64_t count) {
  const auto scheduler = drawing.scheduler();
  scheduler->set_timesteps(drawing.steps);
  const std::int64_t passes = (count + drawing.passes.rows - 1) / drawing.passes.rows;
  return passes * static_cast<std::int64_t>(scheduler->timesteps().size());
}

at::Tensor draw_prompts(const TextToImage& model, const PromptDrawing& drawing,
                        const std::vector<PromptedSample>& samples, const std::function<void(std::int64_t)>& progress,
                        const AttentionRecording* recording) {
  if (recording && drawing.weight == 0)
    throw InputError(
        "draw: a guidance weight of 0 asks the negative prompt alone, and the attention of the prompt is to be "
        "recorded; "
        "accepted: another weight");
  const at::NoGradGuard no_grad;
  const SchedulerSampler sampler(drawing.scheduler, drawing.steps);
  const at::Tensor negative = drawing.negative.defined() ? drawing.negative : model.states({std::string()});
  const std::vector<std::int64_t> shape = model.latent_shape();
  const at::Device device = drawing.prompts.device();
  std::vector<std::int64_t> prompts, noises;
  prompts.reserve(samples.size());
  noises.reserve(samples.size());
  for (const PromptedSample& sample : samples) {
    prompts.push_back(sample.prompt);
    noises.push_back(sample.noise);
  }
  std::mutex lock;
  std::int64_t calls = 0;
  const auto pass_of = [&](const SamplePass& pass) {
    const std::vector<std::int64_t> own = pass.of(noises);
    const auto noise = [&](std::int64_t step) {
      std::vector<at::Tensor> rows;
      rows.reserve(own.size());
      for (const std::int64_t item : own) rows.push_back(sample_noise(item, 1, shape, drawing.seed, step));
      return at::cat(rows).to(device);
    };
    const at::Tensor text = at::index_select(drawing.prompts, 0, host_tensor(pass.of(prompts)).to(device));
    PromptGuidance guidance(Condition::of_text(text), Condition::of_text(negative.expand_as(text)), drawing.weight);
    std::optional<AttentionRecorder> recorder;
    std::optional<ObservedDenoiser> observed;
    if (recording) {
      recorder.emplace(model.unet().config(), LatentGrid{shape[1], shape[2]}, pass.rows, recording->options);
      observed.emplace(model, *recorder);
    }
    const Denoiser& denoiser = observed ? static_cast<const Denoiser&>(*observed) : model;
    const at::Tensor latents = sampler.sample(
        denoiser, guidance, noise(0), [&](std::int64_t step) { return noise(step + 1); },
        [&](std::int64_t step, const at::Tensor& x) {
          require_finite(x, fmt::format("step {}", step + 1), drawing.weight);
          const std::lock_guard one_at_a_time(lock);
          progress(++calls);
        });
    const at::Tensor images = model.decode(latents);
    require_finite(images, "decoding", drawing.weight);
    if (recording) {
      const std::lock_guard one_at_a_time(lock);
      recording->seen(pass, *recorder);
    }
    return to_bytes(images);
  };
  return draw_in_passes(static_cast<std::int64_t>(samples.size()), drawing.passes, pass_of, [](std::int64_t) {});
}

}  // namespace assay
