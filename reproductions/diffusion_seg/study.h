#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "metrics/masks/corloc.h"
#include "reproductions/diffusion_seg/config.h"
#include "reproductions/diffusion_seg/observed_images.h"
#include "reproductions/method.h"
#include "reproductions/samples/image_tensors.h"

namespace assay::diffusion_seg {

/// Real images that nothing is trained on, with their true masks.
struct MaskedImages {
  at::Tensor images;              // [N, 3, H, W] uint8
  at::Tensor masks;               // [N, H, W] uint8, 255 where at least half of a pixel is the object's, else 0
  std::vector<BoxCorners> boxes;  // around the masks
  std::int64_t left_out = 0;      // images in which no pixel is the object's by half
};
/// The first held-out images of a data set, at most `most`.
MaskedImages held_out_images(const Dataset& dataset, std::int64_t most);

/// The first training images [n, 3, H, W] uint8, at most `most`, for pictures.
at::Tensor first_training_images(const Dataset& dataset, std::int64_t most);

/// What all stages of a run share. The text model is that of all seeds: a seed is the noise of its images, and its
/// decoders.
struct Study {
  Run& run;
  const Config& config;
  MaskedImages real;
  std::string model_hash;
  std::shared_ptr<const TextToImage> model;
  std::vector<ObjectPrompt> prompts;  // of which each drawn image has one
  at::Tensor states;                  // [prompts, L, width] of the text encoder

  /// Makes the text model, or finds it in the cache. Throws InputError for prompts that it cannot be told, before it is
  /// trained.
  Study(Run& r, const Config& c);
  /// The same with the run of one part of it.
  Study(const Study& whole, Run& part);

  at::Device device() const { return run.device(); }
  PassShape passes() const;
  /// How all of its images are drawn.
  ObservedDrawing observed() const;
  /// Everything that drawn images and their attention depend on beside seed and number.
  nlohmann::json drawing() const;
};

/// The numbers of drawn images under a seed, which name noise and prompt: pairs begin at 0.
inline constexpr std::int64_t first_evaluated = std::int64_t{1} << 24, first_calibrating = std::int64_t{2} << 24,
                              first_real = std::int64_t{3} << 24;

}  // namespace assay::diffusion_seg
