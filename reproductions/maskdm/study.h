#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "reproductions/maskdm/algorithm/training.h"
#include "reproductions/maskdm/config.h"
#include "reproductions/method.h"
#include "reproductions/samples/image_tensors.h"
#include "reproductions/samples/sample_passes.h"

namespace assay::maskdm {

/// What all stages of a run share.
struct Study {
  Run& run;
  Config config;
  Process process;
  LabelledImages train, validation;

  Study(Run& r, Config c);
};

/// Images that a phase is trained on.
struct ImageSet {
  std::string hash;   // names them in the cache
  at::Tensor images;  // [N, 3, H, W] in [-1, 1]
};
ImageSet all_training_images(const Study& s);
/// Rows of the training split.
ImageSet chosen_images(const Study& s, const std::vector<std::int64_t>& rows);

/// A phase of a training that is to be done: its images, its options, and the steps after which its moving average is
/// kept.
struct PlannedPhase {
  PhaseOptions options;
  const ImageSet* images = nullptr;
  std::vector<std::int64_t> snapshots = {};
};

/// A phase that was trained, and the file of its weights.
struct FinishedPhase {
  std::filesystem::path file;
  TrainedPhase trained;
};

/// Trains the phases one after another from the weights of seed `s.run.seed()`, or finds them in the cache. A training
/// that begins with the same phases shares them. A phase that diverged ends the chain: the rest is not trained.
/// Records the time that each took and the loss of all of them in stage "train:NAME".
std::vector<FinishedPhase> train_phases(Study& s, const std::string& name, const std::vector<PlannedPhase>& phases);

/// An untrained network of the configuration, on the device of the run.
std::unique_ptr<MaskUVit> make_network(const Study& s);

/// How many samples a network of the study draws at once.
PassShape passes_of(const Study& s);

/// Samples [0, count) of a network as the configuration says: [count, 3, H, W] uint8. Noise of sample i comes from its
/// own stream, the same for every network of a seed.
at::Tensor draw(const Study& s, const MaskUVit& network, const std::string& what);

}  // namespace assay::maskdm
