#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "metrics/features/vision_transformer.h"
#include "reproductions/diffusion_seg/config.h"
#include "reproductions/diffusion_seg/photographs.h"
#include "reproductions/published/config.h"
#include "reproductions/published/hub_model.h"

namespace assay::diffusion_seg::paper {

/// Where the features of the pairs are while the decoder learns.
enum class FeaturePlace {
  files,    // in float16 among the run's artifacts, each worked out once
  computed  // nowhere: worked out whenever a pair is shown
};
constexpr Names<FeaturePlace> feature_place_names = {{"files", FeaturePlace::files},
                                                     {"computed", FeaturePlace::computed}};

struct Transformer {
  NeededFile file;
  VisionTransformerConfig config;  // for the plan alone
};

struct Synthesis {
  std::string words;  // a key of `words`
  std::string prompt_template = "a photo of a {}";
  std::string scheduler;  // of scheduler_names(); empty: the folder's own
  std::int64_t steps = 50;
  double guidance = 7.5;
  std::int64_t batch = 4;  // at once on a GPU
  std::int64_t pairs = 50000;
};

struct Row {
  std::string name, set;
};

struct PaperConfig {
  HubModel model;
  NeededFile words;  // class names, one a line
  Synthesis synthesis;
  AttentionRecorderOptions attention;
  CutOptions cut;
  CutArm arm = CutArm::cut;
  FeatureOptions inversion;
  DecoderConfig decoder;
  FeaturePlace features = FeaturePlace::files;
  Transformer transformer;
  TokenCutOptions tokencut;
  std::int64_t candidates = 100;  // of LOST
  std::map<std::string, PhotographSet> sets;
  std::vector<Row> rows;    // the selected ones
  std::int64_t images = 0;  // of a set, at most; 0: all
  std::int64_t shard = 50;  // of pairs with features, and of photographs, that a kill can cost
  std::int64_t bootstrap = 500;
  std::vector<std::string> unknown;
};

/// Reads a preset of tier `paper` with what was set over it: the row or rows, and of the tables of models, words,
/// transformers and sets what they name. Throws InputError.
PaperConfig read_paper_config(const nlohmann::json& object);

}  // namespace assay::diffusion_seg::paper
