#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "reproductions/configured_method.h"
#include "store/recorder.h"

namespace assay {

/// A run of a batch that is still to be executed.
struct RunTask {
  RowId run = 0;
  std::uint64_t seed = 0;
  int threads = 1;
};

/// One method of a batch, and its runs that are not done yet.
struct MethodRuns {
  ConfiguredMethod configured;
  std::shared_ptr<const Dataset> dataset;  // null: the configuration has none
  std::vector<RunTask> tasks;
};

/// Where the runs of a batch are recorded and what they may use.
struct BatchPlace {
  Store& store;
  Recorder& recorder;
  RowId batch = 0;
  at::Device device = at::kCPU;
  int threads = 1;                   // CPU threads of all runs together
  double checkpoint_seconds = 20.0;  // between the states that an interrupted training goes on from
};

/// The method without tasks. Throws InputError where the machine lacks what it needs, or the data set cannot be opened.
MethodRuns method_runs(ConfiguredMethod configured);

/// The runs of this method among `runs`, all those of its batch, that are not done. Runs go side by side with an equal
/// share of the threads each; where the last round has fewer of them, those share all threads. On a GPU each has all.
/// The share of a run does not depend on which others are done, so that a resumed run keeps it.
std::vector<RunTask> unfinished_tasks(const std::vector<RunRow>& runs, const std::string& method, at::Device device,
                                      int threads);

/// Executes the tasks of one method, seeds side by side where there are threads for it. A run that fails is recorded as
/// failed and the others go on; where it failed for bad input, that InputError is thrown when they have ended. Throws
/// Interrupted.
void execute_tasks(const BatchPlace& place, const MethodRuns& of_method);

/// execute_tasks(), then judges the contrasts and claims over all finished runs of the batch and records them.
void execute_method(const BatchPlace& place, const MethodRuns& of_method);

}  // namespace assay
