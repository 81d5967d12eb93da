#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "diffusion/networks/vit/mask_uvit.h"
#include "reproductions/maskdm/algorithm/masks.h"
#include "reproductions/maskdm/algorithm/process.h"

namespace assay::maskdm {

/// What every phase of a training shares (MaskDM's yaml files).
struct OptimizerOptions {
  double beta1 = 0.99;
  double beta2 = 0.99;
  double weight_decay = 0.03;         // of all parameters, biases and positions too, as published
  double ema_decay = 0.999;           // beta of ema_decay()
  std::int64_t ema_update_every = 1;  // the average follows the steps 1, 1 + this, 1 + twice this ... alone
};
OptimizerOptions read_optimizer_options(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const OptimizerOptions& options);

/// One phase: a mask, and the steps under it.
struct PhaseOptions {
  MaskOptions mask;
  std::int64_t steps = 0;
  std::int64_t batch = 64;
  double learning_rate = 2e-4;
  std::int64_t warmup_steps = 0;  // the rate of step k, from 0, is min(k / warmup_steps, 1) of the full one
  double clip = 0.0;              // greatest norm of the gradient; 0: not clipped
  double flip = 0.0;              // probability of a mirrored image
};
nlohmann::json to_json(const PhaseOptions& options);

/// Decay of the moving average after step n, n from 1, as ema_pytorch: the first 101 copy the weights, later ones take
/// min(1 - (n - 100)^(-2/3), ema_decay), also where the average follows some of the steps only.
double ema_decay(std::int64_t step, double ema_decay);

/// Where training images come from.
struct TrainingImages {
  std::int64_t count = 0;
  /// [n, C, H, W] float in [-1, 1] on the CPU, of the images with these numbers.
  std::function<at::Tensor(const std::vector<std::int64_t>& images)> load;
};
/// Of images in memory, [N, C, H, W] in [-1, 1].
TrainingImages images_in_memory(at::Tensor images);

/// What a phase left behind.
struct TrainedPhase {
  /// A moving average that was asked for: after this many steps and seconds of training.
  struct Snapshot {
    std::int64_t step = 0;
    double seconds = 0;
    at::Tensor average;  // as Parameters::flat()
  };
  std::vector<Snapshot> snapshots;
  std::vector<float> loss, gradient_norm, step_seconds;  // of every step; the norm before clipping
  double seconds = 0;                                    // of all steps: checkpoints are not counted
  /// The step whose loss or gradient was not finite; the phase ended before taking it.
  std::optional<std::int64_t> diverged_at;
};

/// What a phase is part of.
struct PhaseRun {
  const Process& process;
  const TrainingImages& images;
  const OptimizerOptions& optimizer;
  std::uint64_t seed = 0;
  std::int64_t first_example = 0;            // examples that earlier phases saw
  std::vector<std::int64_t> snapshots = {};  // steps, ascending, each from 1 to the phase's own
  double checkpoint_seconds = 60;
  std::function<void(std::int64_t)> progress = {};  // after every step; may throw
};

/// Trains `network` from its present weights with fresh moments and a fresh moving average, and leaves in `file` the
/// weights as `model.`, their average as `ema.` and what read_phase() reads. Example n of the whole training draws its
/// image, time step, flip, mask and noise from a stream of its own under the seed. The full state goes to
/// `file`.partial from time to time; a later call with the same `identity` continues from it to the same bits.
/// Throws InputError where the images do not fit the network.
void train_phase(MaskUVit& network, const PhaseOptions& phase, const PhaseRun& run, const std::filesystem::path& file,
                 const std::string& identity);

/// Reads what train_phase() left, all but the weights. Throws InputError for a file that is broken or not of
/// `identity`.
TrainedPhase read_phase(const std::filesystem::path& file, const std::string& identity);

/// Floating-point operations of a training step: three times those of predicting `batch` images of which the mask
/// shows its share. What does not depend on the mask (drawing, the optimiser) is not in it.
double step_flops(const MaskUVit& network, const PhaseOptions& phase);

}  // namespace assay::maskdm
