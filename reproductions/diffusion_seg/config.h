#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/names.h"
#include "datasets/dataset.h"
#include "diffusion/networks/sd/attention_recorder.h"
#include "reproductions/diffusion_seg/algorithm/cut_arms.h"
#include "reproductions/diffusion_seg/algorithm/decoder_training.h"
#include "reproductions/diffusion_seg/algorithm/image_features.h"
#include "reproductions/diffusion_seg/algorithm/mask_decoder.h"
#include "reproductions/objects/self_distillation.h"
#include "reproductions/objects/tokencut.h"
#include "reproductions/text_model.h"

namespace assay::diffusion_seg {

/// Which words name the object of a prompt: the name of a class of the data set, or the caption of a training image.
enum class ObjectWords { group, subgroup, caption };
inline constexpr Names<ObjectWords> object_words_names = {
    {"group", ObjectWords::group}, {"subgroup", ObjectWords::subgroup}, {"caption", ObjectWords::caption}};

/// How images are drawn while their attention is recorded.
struct DrawConfig {
  std::string prompt_template = "a photo of a {}";
  ObjectWords words = ObjectWords::subgroup;
  std::int64_t steps = 50;
  double guidance = 7.5;
  std::int64_t batch = 50;  // at once
};

/// Labelled images of the model, by which thresholds and lambdas are chosen once; without images, what the
/// configuration gives is taken: one half, and cut.lambda.
struct CalibrationConfig {
  std::int64_t images = 50;  // 0: left out
  std::vector<double> lambdas = {0.1, 0.3, 1, 3, 10};
  std::vector<double> thresholds = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
};

struct InversionConfig {
  FeatureOptions features;
  std::vector<std::int64_t> compared_steps;  // numbers of steps whose reconstructions are compared; none: left out
  std::int64_t images = 50;                  // real ones that are reconstructed, at most
};

struct DecoderConfig {
  MaskDecoderOptions network;
  DecoderTrainOptions train;
  std::int64_t pairs = 1000;              // kept ones a decoder is trained on, at most
  std::vector<std::int64_t> fewer_pairs;  // of further decoders, ascending; none: left out
};

struct BaselineConfig {
  SelfDistillationOptions network;
  TokenCutOptions tokencut;
  double candidate_share = 0.1;  // of the patches that may join LOST's seed
};

struct Config {
  DatasetSpec dataset;
  TextModelOptions text_model;
  DrawConfig draw;
  AttentionRecorderOptions attention;
  CutOptions cut;
  CutArm synthesis_arm = CutArm::cut;  // whose masks pairs have
  CalibrationConfig calibration;
  std::int64_t evaluated_images = 100;  // drawn ones whose masks are scored; 0: left out
  std::int64_t pairs = 1000;            // synthesised
  InversionConfig inversion;
  DecoderConfig decoder;
  BaselineConfig baselines;
  std::int64_t real_images = 500;  // held-out ones that are segmented, at most
  std::int64_t bootstrap = 500;
};

/// What both kinds of tiers read. Throw InputError.
AttentionRecorderOptions read_attention_options(const nlohmann::json& object, std::int64_t steps);  // of a drawing
CutOptions read_cut_options(const nlohmann::json& object);
/// Of `synthesis_arm`: one that minimises an energy.
CutArm read_synthesis_arm(ConfigReader& reader);
/// The keys convention, steps, prediction and blocks of `inversion`.
FeatureOptions read_feature_options(ConfigReader& inversion);
DecoderConfig read_decoder_config(const nlohmann::json& object);

/// Throws InputError where the configuration is not a complete one.
Config read_config(const nlohmann::json& object);

/// Everything that drawn images, their attention and their masks depend on beside model and seed.
nlohmann::json drawing_to_json(const Config& config);

}  // namespace assay::diffusion_seg
