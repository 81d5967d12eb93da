#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "diffusion/networks/sd/attention_recorder.h"
#include "diffusion/networks/sd/text_to_image.h"
#include "diffusion/sampling/diffusers/scheduler.h"
#include "reproductions/diffusion_seg/algorithm/cut_arms.h"
#include "reproductions/diffusion_seg/algorithm/object_prompt.h"
#include "reproductions/samples/sample_passes.h"

namespace assay::diffusion_seg {

/// How images are drawn while the model's attention to their objects is seen. Model and prompts must outlive it.
struct ObservedDrawing {
  const TextToImage& model;
  const std::vector<ObjectPrompt>& prompts;  // of which each image has one, by its number
  at::Tensor states;                         // [prompts, L, width] of the text encoder
  std::function<std::unique_ptr<Scheduler>()> scheduler;
  std::int64_t steps = 50;
  double guidance = 7.5;
  AttentionRecorderOptions attention;
  PassShape passes;
};

/// Images that were drawn, and what the model looked at while it drew each.
struct ObservedImages {
  std::vector<std::int64_t> numbers;
  at::Tensor images;                  // [n, 3, H, W] uint8
  std::vector<KeptMaps> maps;         // c is brought to the positions of self-attention and scaled to [0, 1]
  std::vector<std::int64_t> prompts;  // the number of each in ObservedDrawing::prompts
  at::Tensor colours;                 // [n, positions, 3] float in [0, 1]: the images' means at the maps' positions

  std::span<const float> colours_of(std::size_t image) const;
};

/// The images with these numbers under a seed.
ObservedImages draw_observed(const ObservedDrawing& how, std::uint64_t seed, const std::vector<std::int64_t>& numbers,
                             const std::function<void(std::int64_t)>& progress);

/// The numbers [first, first + count) of a set, cut into parts of `most`, which is what fits into memory with its
/// attention.
std::vector<std::vector<std::int64_t>> parts_of(std::int64_t first, std::int64_t count, std::int64_t most = 50);

}  // namespace assay::diffusion_seg
