#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "diffusion/networks/sd/attention_recorder.h"
#include "diffusion/networks/sd/text_to_image.h"
#include "diffusion/sampling/diffusers/scheduler.h"
#include "reproductions/samples/sample_passes.h"

namespace assay {

/// An image to draw: the row of its prompt among those of a drawing, and the number of its noise under the seed.
struct PromptedSample {
  std::int64_t prompt = 0, noise = 0;
};

/// What is recorded of the attention while prompts are drawn.
struct AttentionRecording {
  AttentionRecorderOptions options;
  // Gets each pass when it is drawn, one at a time, in no order: row i of the recorder's means, for i below
  // `pass.kept`, is of sample `pass.begin` + i.
  std::function<void(const SamplePass& pass, const AttentionRecorder& recorder)> seen;
};

/// How prompts are drawn.
struct PromptDrawing {
  at::Tensor prompts;   // [P, L, width] states of a text encoder
  at::Tensor negative;  // [1, L, width]; undefined: the empty prompt's
  double weight = 1.0;  // of guidance from the negative prompt to the prompt, `imagen` convention
  std::function<std::unique_ptr<Scheduler>()> scheduler;  // for one chain
  std::int64_t steps = 50;
  std::uint64_t seed = 0;
  PassShape passes = {};
};

/// Calls of the network that a drawing of `count` images takes.
std::int64_t calls_of_drawing(const PromptDrawing& drawing, std::int64_t count);

/// The images [n, 3, H, W] of these samples as uint8 on the CPU, by to_bytes(). An image depends on its prompt, its
/// noise, the seed and the options alone, not on what is drawn beside it. `progress` gets the number of calls of the
/// network that are done. Throws InputError for steps that the scheduler cannot take, and where a chain leaves the
/// finite numbers; stops where the user interrupts. With a `recording` the images have the same bits; that throws
/// InputError as AttentionRecorder does, and for a weight of 0, which asks the negative prompt alone.
at::Tensor draw_prompts(const TextToImage& model, const PromptDrawing& drawing,
                        const std::vector<PromptedSample>& samples, const std::function<void(std::int64_t)>& progress,
                        const AttentionRecording* recording = nullptr);

/// Passes that suit a model: small ones side by side, large ones image by image (sample_passes.h).
PassShape passes_of(const TextToImage& model, at::Device device);

}  // namespace assay
