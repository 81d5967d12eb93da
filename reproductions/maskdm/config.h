#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "diffusion/networks/vit/mask_uvit.h"
#include "metrics/features/small_features.h"
#include "reproductions/config_blocks.h"
#include "reproductions/maskdm/algorithm/drawing.h"
#include "reproductions/maskdm/algorithm/training.h"

namespace assay::maskdm {

/// A training in phases, all on one network. Each phase goes on from the online weights of the one before, not from
/// their average, as published.
struct Chain {
  std::string name;
  std::vector<PhaseOptions> phases;  // their steps follow from `shares`
  std::vector<double> shares;        // of the budget's operations, in (0, 1]
  bool curve = false;                // sampled at every point of the learning curve, not only at the end

  double share() const;
};

/// What every chain may spend on training: the same number of operations.
struct Budget {
  double gflop = 100;       // 1e9 floating-point operations of training, by step_flops()
  std::int64_t points = 8;  // of a learning curve, at equal distances of operations
};

/// Pre-training on many images of some groups, then fine-tuning on few images of the others; the paper takes VGGFace2,
/// then 10 % and 1 % of CelebA-HQ. It is compared with a chain that is trained on the few images from the start and
/// takes the operations of both phases.
struct TransferConfig {
  std::vector<double> shares;  // of the target's training images; empty: no transfer
  PhaseOptions pretrain, finetune;
  double pretrain_share = 0.5, finetune_share = 0.25;  // of the budget
};

/// How much the loss and the gradient of a training vary under one mask, for several batch sizes and the same number of
/// steps each.
struct StabilityConfig {
  std::vector<std::int64_t> batches;  // ascending; where there is none, nothing is trained for this
  PhaseOptions phase;                 // its batch is replaced by each of `batches`
};

/// How long a training step takes at several mask rates.
struct CostConfig {
  std::vector<double> rates;  // share of the patches that is hidden, 0 first; where there is none, nothing is timed
  MaskOptions mask;           // its rate is replaced by each of `rates`
  std::int64_t batch = 64;
  std::int64_t steps = 8;  // timed in each round at each rate; the median over all rounds is recorded
};

struct SampleConfig {
  std::int64_t count = 300;
  std::int64_t batch = 100;  // images at a time; changes no image on a CPU, and none beyond rounding on a GPU
  std::int64_t steps = 25;   // of DDIM
  double eta = 1.0;
};

struct Config {
  DatasetSpec dataset;
  SmallFeaturesOptions fd_small;
  ScheduleConfig schedule;
  MaskUVitConfig network;
  OptimizerOptions optimizer;
  Budget budget;
  std::vector<Chain> chains;  // by name
  TransferConfig transfer;
  StabilityConfig stability;
  CostConfig cost;
  SampleConfig sample;
  std::int64_t bootstrap = 500;  // replicates
};

/// Reads and checks a complete configuration of a trained tier. Throws InputError.
Config read_config(const nlohmann::json& object);

/// Reads a stage: {"mask", "batch", "learning_rate", "warmup_steps", "clip", "flip"}, all of them optional. Throws
/// InputError for a mask that leaves nothing of a grid of `grid` x `grid` patches, and for any other key.
PhaseOptions read_phase_options(const nlohmann::json& object, const std::string& where, std::int64_t grid);

/// Steps that a share of the budget buys under a phase: at least one.
std::int64_t affordable_steps(const Budget& budget, double share, double step_flops);

}  // namespace assay::maskdm
