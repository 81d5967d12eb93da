#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/names.h"
#include "datasets/dataset.h"
#include "diffusion/networks/adm/encoder_unet.h"
#include "diffusion/networks/adm/unet.h"
#include "diffusion/sampling/adm_sampler.h"
#include "diffusion/training/classifier_trainer.h"
#include "diffusion/training/trainer.h"
#include "metrics/features/small_features.h"
#include "reproductions/config_blocks.h"

namespace assay::ed_dpm {

/// Key "sampler".
inline constexpr Names<AdmSampling::Kind> adm_sampler_names = {{"ddim", AdmSampling::Kind::ddim},
                                                               {"ddpm", AdmSampling::Kind::ddpm}};

struct SampleConfig {
  std::int64_t count = 300;            // reported images an arm
  std::int64_t selection_count = 100;  // images behind the choice of gamma, an arm and a gamma
  std::int64_t batch = 50;             // images at a time; changes no image on a CPU, and none beyond rounding on a GPU
  std::string respacing = "ddim25";    // guided-diffusion's --timestep_respacing
  AdmSampling sampling;
  std::vector<double> gammas_unconditional;  // the grid of every guided arm on the unconditional network
  std::vector<double> gammas_conditional;    // the same on the conditional one
  double entropy_floor = 1e-6;               // eps_H of EDS; 0 is faithful to the published code
};

struct Config {
  DatasetSpec dataset;
  LabelKind label = LabelKind::group;  // what the classifier and the conditional network learn
  SmallFeaturesOptions fd_small;
  NoiseSchedule schedule;
  UNetConfig unet;  // of both diffusion networks; the conditional one also gets num_classes
  TrainOptions train;
  EncoderUNetConfig classifier;
  ClassifierTrainOptions classifier_train;
  double entropy_constraint = 0.1;      // lambda of ECT
  std::int64_t diagnosed_images = 200;  // held-out images on which the classifiers are examined
  SampleConfig sample;
  std::int64_t bootstrap = 500;  // replicates
  bool oracle = false;           // the exact Gaussian-mixture checks
};

/// Reads and checks a complete configuration of a trained tier. Throws InputError.
Config read_config(const nlohmann::json& object);

}  // namespace assay::ed_dpm
