#pragma once
#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/safetensors.h"

namespace assay {

/// A value that a training run wrote beside its tensors. Throws InputError where it is absent.
std::string checkpoint_metadata(const SafetensorsFile& file, const std::string& key);

/// Throws InputError when the file was trained with another configuration than `identity`; empty: not checked.
void check_checkpoint_identity(const SafetensorsFile& file, const std::string& identity);

/// A float vector as long as `like`, on its device. Throws InputError for another length.
at::Tensor checkpoint_vector(const SafetensorsFile& file, const std::string& name, const at::Tensor& like);

/// Adds a float vector from any device.
void add_checkpoint_vector(SafetensorsWriter& writer, const std::string& name, const at::Tensor& vector);

/// The loss of a training: one sum for each hundredth of its steps, in double, so that a resumed training goes on to
/// the same bits.
class LossCurve {
 public:
  explicit LossCurve(std::int64_t steps);
  void add(std::int64_t step, double loss);
  /// The mean of each hundredth that holds a step, from the first on.
  std::vector<double> means() const;

 private:
  friend void add_progress(SafetensorsWriter& writer, std::int64_t step, const LossCurve& loss);
  friend std::int64_t read_progress(const SafetensorsFile& file, LossCurve& loss);
  std::size_t point(std::int64_t step) const;
  std::int64_t steps_;
  std::vector<double> sums_;
};

/// The loss that a finished training left: its LossCurve's means. Empty where the file says nothing of it. Throws
/// InputError where that is unreadable.
std::vector<double> finished_loss(const SafetensorsFile& file);

/// Adds how far an unfinished training is: the number of steps done, and its loss so far.
void add_progress(SafetensorsWriter& writer, std::int64_t step, const LossCurve& loss);
/// Reads it into `loss` and returns the number of steps. Throws InputError where it is unreadable or out of range.
std::int64_t read_progress(const SafetensorsFile& file, LossCurve& loss);

/// Says when the next state of a training is due.
class CheckpointTimer {
 public:
  explicit CheckpointTimer(double seconds) : seconds_(seconds) {}
  bool due() const;
  void saved() { last_ = std::chrono::steady_clock::now(); }

 private:
  double seconds_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace assay
