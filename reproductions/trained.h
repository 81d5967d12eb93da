#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "diffusion/training/resumable_training.h"
#include "reproductions/method.h"

namespace assay {

/// A training of a run: what names it, what its weights depend on, and how large its steps are.
struct Training {
  std::string name = {};         // of the stage "train:NAME", of its timing and in its notes
  std::string kind = {};         // of the product in the cache: "denoiser", "noisy-classifier"
  nlohmann::json identity = {};  // everything that the weights depend on
  std::string artifact = {};     // name of the checkpoint among the artifacts of the run
  std::string loss = {};         // what the loss is, as in "mse": names its curve
  std::int64_t parameters = 0;   // that are trained
  std::int64_t steps = 0;
  std::int64_t batch = 0;  // images of a step
  std::int64_t side = 0;   // pixels of an RGB image
};

/// Trains into this file, and calls `progress` with the number of steps done and the loss after every step.
using TrainInto = std::function<TrainReport(const std::filesystem::path& file,
                                            const std::function<void(std::int64_t, double)>& progress)>;

/// Runs `train` in stage "train:NAME" unless the cache has what the identity names, and returns the checkpoint. The
/// stage records the time of the training (or notes that the cache had it), the checkpoint and the loss curve that the
/// checkpoint keeps. Throws InputError where a resumed run has the stage and the cache has lost the checkpoint.
std::filesystem::path trained(Run& run, const Training& training, const TrainInto& train);

/// What a stage records of one training, beside its loss curve.
struct TrainingRecord {
  std::string begins_note = {};      // of a training that the cache had: "NAME:", "NAME: stage 2 was"
  std::string name = {};             // in the note of a training that was resumed
  std::string variant = {};          // of the timing
  std::int64_t batch = 0;            // images of a step
  std::int64_t side = 0;             // pixels of an RGB image
  std::optional<double> flops = {};  // of all steps that were timed
  Artifact checkpoint = {};
};

/// Adds the timing "train_step" of what this process did, or a note where that is nothing, and the checkpoint.
void record_training(StageOutput& out, const TrainingRecord& record, const std::optional<TrainReport>& done_here);

/// The curve of a loss, without points yet: "loss: mse".
Curve loss_curve(const std::string& loss);
/// Goes on with `steps` further steps, from their mean losses over equal shares of them: each stands at the last step
/// of its share.
void add_losses(Curve& curve, const std::vector<double>& means, std::int64_t steps);

}  // namespace assay
