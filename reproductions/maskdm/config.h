#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "diffusion/networks/vit/mask_uvit.h"
#include "metrics/features/small_features.h"
#include "reproductions/maskdm/algorithm/drawing.h"
#include "reproductions/maskdm/algorithm/training.h"

namespace assay::maskdm {

/// A training in phases, all on one network; each goes on from the online weights of the one before, as published.
struct Chain {
  std::string name;
  std::vector<PhaseOptions> phases;  // their steps follow from `shares`
  std::vector<double> shares;        // of the budget's operations, in (0, 1]
  bool curve = false;                // sampled at every point of the learning curve, not only at the end

  double share() const;
};

/// Equal operations for every chain.
struct Budget {
  double gflop = 100;       // 1e9 floating-point operations of training, by step_flops()
  std::int64_t points = 8;  // of a learning curve, at equal distances of operations
};

/// Pre-training on many images of some groups, fine-tuning on few of the others (paper: VGGFace2, then 10 % and 1 % of
/// CelebA-HQ). A chain trained from the start on the few, with the operations of both phases, is what it is held
/// against.
struct TransferConfig {
  std::vector<double> shares;  // of the target's training images; empty: no transfer
  PhaseOptions pretrain, finetune;
  double pretrain_share = 0.5, finetune_share = 0.25;  // of the budget
};

/// How much loss and gradient swing under one mask, batch size by batch size, over equal numbers of steps.
struct StabilityConfig {
  std::vector<std::int64_t> batches;  // ascending; empty: not examined
  PhaseOptions phase;                 // whose batch is replaced
};

/// Time of a training step under masks, in turn.
struct CostConfig {
  std::vector<double> rates;  // m, 0 first; empty: not timed
  MaskOptions mask;           // whose rate is replaced
  std::int64_t batch = 64;
  std::int64_t steps = 8;  // a rate and a round; the median of all rounds counts
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
  std::string schedule = "cosine";
  std::int64_t schedule_steps = 1000;
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

/// As tier_preset() of this method's presets.json.
nlohmann::json preset(const std::string& tier, const std::string& dataset = "");

/// Reads and checks a complete configuration of a trained tier. Throws InputError.
Config read_config(const nlohmann::json& object);

/// Reads a phase: {"mask", "batch", "learning_rate", "warmup_steps", "clip", "flip"}.
/// Throws InputError for a mask that leaves nothing of a grid of `grid` x `grid` patches.
PhaseOptions read_phase_options(const nlohmann::json& object, const std::string& where, std::int64_t grid);

/// Steps that a share of the budget buys under a phase: at least one.
std::int64_t affordable_steps(const Budget& budget, double share, double step_flops);

}  // namespace assay::maskdm
