#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "diffusion/networks/sd/clip_text.h"
#include "diffusion/networks/sd/sd_configurations.h"
#include "diffusion/text/clip_tokenizer.h"

namespace assay {

/// A folder of Stable Diffusion as the hub lays it out and diffusers and transformers write it: model_index.json beside
/// unet/, vae/, text_encoder/, tokenizer/ and scheduler/. Everything but the weights is read and checked; a weights
/// file is a .safetensors or the index of a set, for SafetensorsFile.
struct PipelineFolder {
  std::filesystem::path folder;

  SdUNetConfig unet;
  std::filesystem::path unet_weights;
  /// Without one the UNet draws pixels: model_index.json then has null for it, as for all that a pipeline lacks.
  std::optional<SdVaeConfig> vae;
  std::filesystem::path vae_weights;
  ClipTextConfig text;
  std::filesystem::path text_weights;  // see prepare_clip_text_file()
  ClipTokenizer tokenizer;
  /// scheduler_config.json as it is: for scheduler_of_config().
  nlohmann::json scheduler;
};

/// Reads the folder. Of weights in several precisions `variant` names one, such as "fp16" for X.fp16.safetensors;
/// without it the plain file is taken, or where there is none the fp16 one. safety_checker, feature_extractor and
/// image_encoder are passed over. Throws InputError, in one line, for another pipeline's class, a part that is missing
/// or of another kind, values that are not built, weights as pickles (naming tools/convert_weights.py), and for parts
/// that do not fit each other.
PipelineFolder read_pipeline_folder(const std::filesystem::path& folder, const std::string& variant = "");

/// The weights file of one part: `stem`.safetensors, its variant or its index. Throws as read_pipeline_folder().
std::filesystem::path find_weights(const std::filesystem::path& folder, const std::string& stem,
                                   const std::string& variant = "");

}  // namespace assay
