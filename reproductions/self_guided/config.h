#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/names.h"
#include "datasets/dataset.h"
#include "diffusion/guidance/make_guidance.h"
#include "diffusion/networks/adm/unet.h"
#include "diffusion/networks/adm/unet_ca.h"
#include "diffusion/sampling/make_sampler.h"
#include "diffusion/training/trainer.h"
#include "metrics/clustering/kmeans.h"
#include "metrics/features/small_features.h"
#include "reproductions/config_blocks.h"
#include "reproductions/self_guided/algorithm/simclr.h"

namespace assay::self_guided {

/// One network that knows every condition, each training example showing one of them, or one network a condition, as
/// the paper trains them. Shared networks spend the whole budget on one denoiser, so that arms differ in the
/// condition alone; at mini size that is what makes differences visible.
enum class Networks { shared, separate };

struct SampleConfig {
  std::int64_t count = 1000;  // generated images an arm
  std::int64_t batch = 50;    // images at a time; changes no image on a CPU, and none beyond rounding on a GPU
  SamplerKind sampler = SamplerKind::ddim;
  DdimOptions ddim;          // of any sampler (make_sampler)
  GuidanceOptions guidance;  // its weight is the headline w
  CheckpointWeights weights = CheckpointWeights::raw;
  std::vector<double> sweep;  // weights of the guidance curve, imagen convention
};

/// What a run does; several may be combined.
///   guidance   image-level conditions: human labels, clusters, random ids
///   layouts    boxes and masks
///   long_tail  human labels and clusters on training sets of growing imbalance
enum class Part { guidance, layouts, long_tail };

/// Feature extractors g whose clusters are arms: the trained encoder, the same with random weights, PCA of the pixels.
enum class Encoder { simclr, random, pca };
inline constexpr Names<Encoder> encoder_names = {
    {"simclr", Encoder::simclr}, {"random", Encoder::random}, {"pca", Encoder::pca}};

/// Arms self_box and self_mask.
struct LayoutConfig {
  std::int64_t box_convolutions = 1;   // whose activations are LOST's features
  double candidate_share = 0.1;        // of the patches may join the seed
  std::int64_t mask_clusters = 8;      // K of the masks
  std::int64_t mask_convolutions = 3;  // whose activations are segmented by k-means
  std::string masks;                   // folder of cluster maps by another program, STEM.png; empty: k-means
  UNetCaConfig unet;
  std::vector<double> sweep;  // weights, imagen convention; 0 and the headline one are always sampled
};

struct Config {
  DatasetSpec dataset;
  std::vector<Part> parts = {Part::guidance};
  std::string pretrained;  // a network that comes with the program (shipped_network.h); empty: trained here
  LabelKind label = LabelKind::subgroup;  // of arm `label`
  std::vector<std::int64_t> clusters;     // K of each self_label arm; the first one is swept over w
  KMeansConfig kmeans;
  std::int64_t kmeans_fits = 10;  // whose agreement with people's labels is averaged; the first one makes the arm
  SimclrOptions encoder;
  std::vector<Encoder> encoders = {Encoder::simclr};  // the first one makes every cluster, the others one arm each
  SmallFeaturesOptions fd_small;
  NoiseSchedule schedule;
  UNetConfig unet;
  TrainOptions train;
  Networks networks = Networks::separate;
  bool uncond_model = false;  // arm uncond_model: a network trained without conditions
  LayoutConfig layouts;
  std::vector<double> imbalances;  // rho of the long-tailed training sets, ascending
  SampleConfig sample;
  std::int64_t loss_timesteps = 8;  // noise levels at which the loss of held-out images is taken
  std::int64_t bootstrap = 500;     // replicates
  bool oracle = false;              // the exact Gaussian-mixture checks
};

bool has(const Config& config, Part part);

/// The settings that decide what a network of part `guidance` is conditioned on and learns, by key: equal settings give
/// the same training on the same data set.
nlohmann::json settings_of_networks(const Config& config);

/// Reads and checks a complete configuration. Throws InputError.
Config read_config(const nlohmann::json& object);

}  // namespace assay::self_guided
