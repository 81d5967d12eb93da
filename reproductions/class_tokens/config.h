#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/config.h"
#include "datasets/dataset.h"
#include "metrics/features/small_features.h"
#include "reproductions/class_tokens/algorithm/image_classifier.h"
#include "reproductions/class_tokens/algorithm/token_learning.h"
#include "reproductions/class_tokens/algorithm/token_painter.h"
#include "reproductions/class_tokens/algorithm/word_classes.h"
#include "reproductions/config_blocks.h"
#include "reproductions/text_model.h"

namespace assay::class_tokens {

/// What a token is called and how it begins.
struct TokenConfig {
  std::string word = "newclas";
  std::string initial = "a";  // a piece of the vocabulary, whose row the token's begins as
};

/// Images by which tokens are compared.
struct SampleConfig {
  std::int64_t count = 20;  // of each pair and arm
  std::int64_t batch = 50;  // at once
  std::int64_t steps = 50;  // of the scheduler
  double guidance = 7.5;
  std::vector<std::string> unseen_templates;  // that no token was learned with
};

/// What the number of differentiated calls changes.
struct LastCallsConfig {
  std::vector<std::int64_t> calls;  // numbers of calls, each more than the one before; none: left out
  std::int64_t pairs = 3;           // the first ones
};

/// Classifiers trained on few real images, and on what was drawn beside.
struct AugmentationConfig {
  std::vector<std::int64_t> real;  // images of a class; none: left out
  std::int64_t drawn = 20;         // of a class
  ImageClassifierOptions classifier;
};

/// A guide that has seen a biased part of the images.
struct BiasConfig {
  std::int64_t pairs = 0;  // the first ones, whose classes are biased; 0: left out
};

struct Config {
  DatasetSpec dataset;
  LabelKind label = LabelKind::subgroup;
  SmallFeaturesOptions fd_small;
  TextModelOptions text_model;
  ImageClassifierOptions classifier;
  WordRule words;
  std::vector<std::string> templates;  // tokens are learned with; the first one is evaluated
  TokenConfig token;
  LearningOptions learn;
  Drawn draw;  // while a token is learned
  SampleConfig sample;
  LastCallsConfig last_calls;
  AugmentationConfig augmentation;
  BiasConfig bias;
  std::int64_t bootstrap = 500;
};

TokenConfig read_token_config(const nlohmann::json& object);
/// Throws InputError for a guidance without the prompt, with which no token could be learned.
void require_prompt(const Drawn& drawn, const std::string& where);
LearningOptions read_learning_options(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const LearningOptions& options);

/// Throws InputError where the configuration is not a complete one.
Config read_config(const nlohmann::json& object);

}  // namespace assay::class_tokens
