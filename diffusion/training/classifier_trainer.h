#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "diffusion/networks/adm/encoder_unet.h"
#include "diffusion/process/noise_schedule.h"
#include "diffusion/training/resumable_training.h"

namespace assay {

/// Clean images and their classes.
struct LabelledSet {
  at::Tensor images;                 // [N, C, H, W] float in [-1, 1]
  std::vector<std::int64_t> labels;  // [N], in [0, classes)
};

/// Training of a noisy classifier as ADM trains it, with ED-DPM's entropy constraint (ECT) where its weight is not 0
/// (ED-DPM's published code, classifier_train_ECT): the loss is cross entropy + entropy_weight (ln C - H).
struct ClassifierTrainOptions {
  std::int64_t steps = 1000;
  std::int64_t batch = 64;
  double learning_rate = 3e-4;  // falls linearly to 0
  double weight_decay = 0.05;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double entropy_weight = 0.0;  // lambda; ED-DPM's released classifier has 0.1
  bool flip = false;            // mirrors half of the images, as the published training does
};

ClassifierTrainOptions read_classifier_train_options(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const ClassifierTrainOptions& options);

/// Means over examples whose time step lies in one quarter of the process, q0 the least noisy (t < T/4).
struct ClassifierScores {
  std::int64_t count = 0;
  double cross_entropy = 0;  // nats
  double accuracy = 0;       // of the most probable class
  double entropy = 0;        // H, nats
  /// Expected calibration error over 15 equal bins of the largest probability (Guo et al., arXiv:1706.04599).
  double calibration_error = 0;
};
using QuartileScores = std::array<ClassifierScores, 4>;

struct ClassifierTrainReport : TrainReport {
  QuartileScores last;  // over the examples of the last tenth of the steps, as they were trained on
};

/// Trains `network` and leaves its checkpoint in `file`: weights under `model.`, `identity` in the metadata; there is
/// no average of weights (published). Example n of the whole training (step * batch + position) draws its image,
/// uniform time step, noise and flip from its own stream under `seed`; a denoiser trained under the same seed draws
/// others. Every `checkpoint_seconds` the full state goes to `file`.partial, from which a later call with the same
/// identity continues to the same bits. `progress(step, loss)` is called after every step; throwing from it interrupts
/// the training. Runs on the device of the images; `network` must be there. Throws InputError for labels out of range.
ClassifierTrainReport train_classifier(EncoderUNet& network, const NoiseSchedule& schedule, const LabelledSet& set,
                                       const ClassifierTrainOptions& options, std::uint64_t seed,
                                       const std::filesystem::path& file, const std::string& identity,
                                       double checkpoint_seconds,
                                       const std::function<void(std::int64_t, double)>& progress);

/// Loads a checkpoint written by train_classifier(). Throws InputError when the file is broken, of another network, or
/// when its identity differs from `identity` (empty: not checked).
void load_classifier(EncoderUNet& network, const std::filesystem::path& file, const std::string& identity = "");

/// Scores of any classifier on noised images: every image meets `draws` time steps of every quarter, each with its own
/// noise under `seed`, so that two classifiers see the same inputs.
QuartileScores score_classifier(const Classifier& classifier, const NoiseSchedule& schedule, const LabelledSet& set,
                                std::int64_t draws, std::uint64_t seed, std::int64_t batch = 64);

}  // namespace assay
