#pragma once
#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "diffusion/training/checkpoint.h"
#include "diffusion/training/flat_adamw.h"

namespace assay {

/// What a training run reports; times cover only the steps this process ran.
struct TrainReport {
  std::int64_t first_step = 0;  // > 0: resumed from a checkpoint
  std::int64_t steps = 0;       // run by this process
  double seconds = 0;
  std::vector<double> loss = {};  // mean over each hundredth of the steps, from the start of training
};

/// Where a training is kept.
struct TrainingFile {
  std::filesystem::path path;     // of the finished checkpoint; the state of an unfinished one goes to `path`.partial
  std::string identity;           // what was trained on what; an unfinished training of another one is refused
  double checkpoint_seconds = 0;  // between two states of an unfinished one
};

/// What a training keeps beside weights, average, moments, step and loss.
struct TrainingExtras {
  std::function<void(SafetensorsWriter&)> save;
  std::function<void(const SafetensorsFile&)> load;
  bool kept_when_finished = false;  // whether the finished checkpoint has them too
};

/// One training by AdamW of a given number of steps, which a later process continues to the same bits.
class ResumableTraining {
 public:
  /// Begins, or goes on from the state an earlier process left; throws InputError where that is broken or of another
  /// identity. `parameters` and what `extras` refers to must outlive this.
  ResumableTraining(Parameters& parameters, WeightAverage average, std::int64_t steps, TrainingFile file,
                    TrainingExtras extras);

  /// Steps done, those of earlier processes included.
  std::int64_t step() const { return step_; }
  bool finished() const { return step_ >= steps_; }

  /// The gradients of `loss`, a scalar, alone.
  void backward(const at::Tensor& loss);
  /// One step along them, whose number is filled in, and its loss. Throws Error where the loss is not finite.
  double descend(AdamWStep step);
  /// The moving average of the weights, as Parameters::flat(). Throws where none is kept.
  const at::Tensor& average() const { return optimizer_.average(); }
  /// Writes the state of an unfinished training when it is time to.
  void save_when_due();
  /// Writes the finished checkpoint, whether or not all steps were done, and removes the unfinished one.
  TrainReport finish();

 private:
  SafetensorsWriter weights() const;

  std::int64_t steps_, step_ = 0, first_step_ = 0;
  TrainingFile file_;
  std::filesystem::path partial_;
  TrainingExtras extras_;
  FlatAdamW optimizer_;
  LossCurve curve_;
  at::Tensor loss_;
  CheckpointTimer timer_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace assay
