#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/names.h"
#include "diffusion/condition_block.h"
#include "diffusion/networks/trainable_denoiser.h"
#include "diffusion/process/noise_schedule.h"
#include "diffusion/training/resumable_training.h"

namespace assay {

/// Training images and their conditions.
struct TrainingSet {
  at::Tensor images;                   // [N, C, H, W] float in [-1, 1]
  std::vector<ConditionBlock> blocks;  // empty for an unconditional network
};

/// What a denoiser learns from.
///   mse     the squared error of eps, or of what else the network predicts (Denoiser::prediction)
///   hybrid  that, and the variational bound for the variance alone: ADM's learned range, twice the output channels
enum class DenoisingObjective { mse, hybrid };

/// Training of a denoiser as SGDM trains it (Self-Guided Diffusion's published code); with the hybrid loss as ADM does
/// (guided-diffusion's training_losses, learn_sigma without rescaling).
struct TrainOptions {
  std::int64_t steps = 1000;
  std::int64_t batch = 64;
  double learning_rate = 1e-4;
  double weight_decay = 0.01;
  double beta1 = 0.9;
  double beta2 = 0.999;
  std::int64_t warmup_steps = 500;  // linear from 1e-6 of the rate, then constant
  double ema_decay = 0.9999;        // warmed up as min(ema_decay, (1 + n) / (10 + n))
  double condition_dropout = 0.1;   // probability of the null condition; must be 0 where the network has none
  DenoisingObjective loss = DenoisingObjective::mse;
  std::string timestep_sampler = "uniform";  // or "loss-second-moment", as make_timestep_sampler() takes it
};

TrainOptions read_train_options(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const TrainOptions& options);

/// Trains `network` and leaves its checkpoint in `file`: raw weights under `model.`, their moving average under
/// `ema.`, and `identity` (what was trained on what) in the metadata. Example n of the whole training (step * batch +
/// position) draws its image, time step, noise and dropout from its own stream under `seed`; where there are several
/// condition blocks, each example shows one of them, drawn uniformly. A class-conditional network takes its classes
/// from the only block. Throws InputError where the network does not fit the loss, the blocks or the dropout. Every
/// `checkpoint_seconds` the full state goes to `file`.partial, from which a later call with the same identity continues
/// to the same bits. `progress(step)` is called after every step; throwing from it interrupts the training. Runs on the
/// device of `set.images`; `network` must be there.
TrainReport train(TrainableDenoiser& network, const NoiseSchedule& schedule, const TrainingSet& set,
                  const TrainOptions& options, std::uint64_t seed, const std::filesystem::path& file,
                  const std::string& identity, double checkpoint_seconds,
                  const std::function<void(std::int64_t, double)>& progress);

/// Which of a checkpoint's weights: SGDM's own evaluation samples the raw ones (its published code wraps no EMA scope
/// there).
enum class CheckpointWeights { raw, ema };
inline constexpr Names<CheckpointWeights> checkpoint_weights_names = {{"raw", CheckpointWeights::raw},
                                                                      {"ema", CheckpointWeights::ema}};

/// Loads a checkpoint written by train(). Throws InputError when the file is broken, of another network, or when its
/// identity differs from `identity` (empty: not checked).
void load_checkpoint(TrainableDenoiser& network, const std::filesystem::path& file, CheckpointWeights weights,
                     const std::string& identity = "");

}  // namespace assay
