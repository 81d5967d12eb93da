#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "diffusion/ddim.h"
#include "diffusion/trainer.h"
#include "diffusion/unet.h"
#include "metrics/features/small_features.h"
#include "metrics/kmeans.h"
#include "reproductions/self_guided/simclr.h"

namespace assay::self_guided {

/// What the human labels of arm `label` are.
enum class LabelKind { group, subgroup };

/// One network that knows every condition, each training example showing one of them, or one network a condition, as
/// the paper trains them. Shared networks spend the whole budget on one denoiser, so that arms differ in the
/// condition alone; at mini size that is what makes differences visible.
enum class Networks { shared, separate };

struct SampleConfig {
  std::int64_t count = 1000;  // generated images an arm
  std::int64_t batch = 50;    // images at a time; does not change the images beyond rounding
  DdimOptions ddim;           // its weight is the headline w (imagen convention)
  CheckpointWeights weights = CheckpointWeights::raw;
  std::vector<double> sweep;  // weights of the guidance curve, imagen convention
};

struct Config {
  DatasetSpec dataset;
  LabelKind label = LabelKind::subgroup;
  std::vector<std::int64_t> clusters;  // K of each self_label arm; the first one is swept over w
  KMeansConfig kmeans;
  std::int64_t kmeans_fits = 10;  // whose agreement with people's labels is averaged; the first one makes the arm
  SimclrOptions encoder;
  SmallFeaturesOptions fd_small;
  NoiseSchedule schedule;
  UNetConfig unet;
  TrainOptions train;
  Networks networks = Networks::separate;
  SampleConfig sample;
  std::int64_t loss_timesteps = 8;  // noise levels at which the loss of held-out images is taken
  std::int64_t bootstrap = 500;     // replicates
  bool oracle = false;              // the exact Gaussian-mixture checks
};

/// The preset of a tier; throws InputError with the known tiers.
nlohmann::json preset(const std::string& tier);

/// Reads and checks a complete configuration. Throws InputError.
Config read_config(const nlohmann::json& object);

/// Arm of K clusters: "self_label_k100".
std::string self_label_arm(std::int64_t clusters);

}  // namespace assay::self_guided
