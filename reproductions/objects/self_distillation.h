#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "diffusion/training/resumable_training.h"
#include "metrics/features/vision_transformer.h"

namespace assay {

/// Trains a vision transformer without labels by DINO's self-distillation (Caron et al., ICCV 2021, arXiv:2104.14294,
/// algorithm 1 and section 3): a student that sees global and local views of an image is to say what a teacher, the
/// moving average of the students before, says of the other global view. The teacher's answers are centred and
/// sharpened, so that neither one answer nor all alike is a way out. The teacher is what is kept.
/// Departures, all of scale: sides of views are shares of a small image and local views are half its side; the last
/// layer learns from the first step on; decay of weights is constant and of all of them; clipping is of the whole
/// gradient; the teacher's temperature is constant.
struct SelfDistillationOptions {
  // the network
  std::int64_t patch = 4;  // pixels a side
  std::int64_t width = 64;
  std::int64_t depth = 4;
  std::int64_t heads = 4;
  // its head, which is not kept: two hidden layers, a bottleneck of unit length, rows of unit length
  std::int64_t hidden = 256;
  std::int64_t bottleneck = 64;
  std::int64_t outputs = 512;
  // views, as metrics/features/augment.h changes images
  double smallest_global = 0.5;  // side of a global crop: from this share of the image's to all of it
  std::int64_t local_views = 4;  // of half the image's side, beside two global ones
  double smallest_local = 0.25;  // side of a local crop: from this share ...
  double largest_local = 0.5;    // ... to this one
  double colour = 0.4;
  double grey = 0.2;
  // the training
  std::int64_t steps = 1000;
  std::int64_t batch = 64;
  double learning_rate = 1e-3;  // at its height, after the warm-up; then half a cosine down to 1e-6
  std::int64_t warmup_steps = 100;
  double weight_decay = 0.04;
  double clip = 3.0;  // the longest gradient; 0: any
  double student_temperature = 0.1;
  double teacher_temperature = 0.04;
  double teacher_momentum = 0.99;  // at first; half a cosine up to 1
  double centre_momentum = 0.9;
};

/// Throws InputError for unknown keys and values out of range.
SelfDistillationOptions read_self_distillation_options(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const SelfDistillationOptions& options);

/// The network that training on images of `side` pixels makes: the class that DINO's published weights are loaded into,
/// small. Throws InputError unless the side is a multiple of the patch, of two patches where there are local views.
VisionTransformerConfig network_of(const SelfDistillationOptions& options, std::int64_t side);

/// The values that such a training moves, the head's among them.
std::int64_t trained_values(const SelfDistillationOptions& options, std::int64_t side);

/// DINO's loss: the mean over pairs of a global view i that the teacher sees and a view j != i that the student sees of
/// the mean over images of -sum softmax((teacher_i - centre) / teacher_temperature) log_softmax(student_j /
/// student_temperature). `student` [V * B, K], view by view, the two global ones first; `teacher` [2 * B, K]; `centre`
/// [K]. Scalar.
at::Tensor self_distillation_loss(const at::Tensor& student, const at::Tensor& teacher, const at::Tensor& centre,
                                  const SelfDistillationOptions& options);

/// momentum * centre + (1 - momentum) * the mean of `teacher` over its rows: [K].
at::Tensor moved_centre(const at::Tensor& centre, const at::Tensor& teacher, double momentum);

/// The share that the teacher keeps of itself in step `step` of `steps`, from 0: 1 - (1 - first) (1 + cos(pi step /
/// steps)) / 2.
double teacher_momentum(double first, std::int64_t step, std::int64_t steps);

/// Trains on `images` [N, 3, S, S] in [-1, 1] and writes the checkpoint `file.path`, of
/// student (`model.`) and teacher (`ema.`), keys `backbone.` + DINO's and `head.` + its head's. A later process goes on
/// from the state that an earlier one left to the same bits. `progress(step, loss)` after every step. Throws InputError
/// for images of other sizes.
TrainReport train_by_self_distillation(const at::Tensor& images, const SelfDistillationOptions& options,
                                       std::uint64_t seed, const TrainingFile& file,
                                       const std::function<void(std::int64_t, double)>& progress);

/// The teacher of such a checkpoint, or the untrained network that it began from.
VisionTransformer self_distilled_network(const std::filesystem::path& checkpoint,
                                         const SelfDistillationOptions& options, std::int64_t side,
                                         at::Device device = at::kCPU);
VisionTransformer untrained_network(const SelfDistillationOptions& options, std::int64_t side, std::uint64_t seed,
                                    at::Device device = at::kCPU);

}  // namespace assay
