#include "diffusion/training/resumable_training.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/elapsed.h"
#include "core/error.h"
#include "core/safetensors.h"

namespace assay {

ResumableTraining::ResumableTraining(Parameters& parameters, WeightAverage average, std::int64_t steps,
                                     TrainingFile file, TrainingExtras extras)
    : steps_(steps),
      file_(std::move(file)),
      partial_(file_.path.string() + ".partial"),
      extras_(std::move(extras)),
      optimizer_(parameters, average),
      curve_(steps),
      timer_(file_.checkpoint_seconds) {
  if (std::filesystem::exists(partial_)) {
    const SafetensorsFile state(partial_);
    check_checkpoint_identity(state, file_.identity);
    optimizer_.load(state);
    first_step_ = step_ = read_progress(state, curve_);
    extras_.load(state);
  }
  start_ = std::chrono::steady_clock::now();
}

void ResumableTraining::backward(const at::Tensor& loss) {
  optimizer_.zero_gradients();
  loss.backward();
  loss_ = loss.detach();
}

double ResumableTraining::descend(AdamWStep step) {
  step.step = step_ + 1;
  optimizer_.step(step);
  const auto loss = loss_.item<double>();
  // The sign of what is no number says nothing.
  if (!std::isfinite(loss))
    throw Error(fmt::format("training: the loss is {} at step {}", std::isnan(loss) ? std::abs(loss) : loss, step_));
  curve_.add(step_, loss);
  ++step_;
  return loss;
}

void ResumableTraining::save_when_due() {
  if (finished() || !timer_.due()) return;
  SafetensorsWriter writer = weights();
  add_progress(writer, step_, curve_);
  extras_.save(writer);
  optimizer_.save_moments(writer);
  writer.write(partial_);
  timer_.saved();
}

TrainReport ResumableTraining::finish() {
  TrainReport report{first_step_, step_ - first_step_, seconds_since(start_), curve_.means()};
  SafetensorsWriter writer = weights();
  if (extras_.kept_when_finished) extras_.save(writer);
  writer.add_metadata("loss", nlohmann::json(report.loss).dump());
  writer.write(file_.path);
  std::filesystem::remove(partial_);
  return report;
}

SafetensorsWriter ResumableTraining::weights() const {
  SafetensorsWriter writer;
  optimizer_.save_weights(writer);
  writer.add_metadata("identity", file_.identity);
  return writer;
}

}  // namespace assay
