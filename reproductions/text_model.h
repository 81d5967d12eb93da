#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "diffusion/condition_block.h"
#include "diffusion/networks/sd/text_to_image.h"
#include "diffusion/training/trainer.h"
#include "reproductions/method.h"
#include "reproductions/samples/image_tensors.h"

namespace assay {

/// A small text-to-image model that is trained here on the captions of a data set: the classes of Stable Diffusion,
/// UNet and text encoder trained together, drawing pixels, with a vocabulary learned from the captions.
struct TextModelOptions {
  TextToImageConfig network;           // `unet`, `text_encoder` without what the vocabulary says, `scheduler`
  std::int64_t merges = 1000;          // of byte pairs, at most
  std::int64_t length = 16;            // tokens of a prompt
  std::vector<std::string> templates;  // of which each example shows one: "a photo of a {}"
  TrainOptions train;
  CheckpointWeights weights = CheckpointWeights::ema;
};

/// Reads {"unet", "text_encoder", "scheduler": as in a hub's folder, "vocabulary": {"merges", "length"}, "templates",
/// "train", "weights"}. Throws InputError, also for networks that cannot be built.
TextModelOptions read_text_model_options(const nlohmann::json& object, const std::string& where);

/// An untrained model whose vocabulary is learned from these captions.
std::unique_ptr<TextToImage> make_text_model(const TextModelOptions& options, const std::vector<std::string>& captions);

/// What a training shows of captions: a block of token ids [N, length] for each template.
std::vector<ConditionBlock> caption_blocks(const ClipTokenizer& tokenizer, const std::vector<std::string>& templates,
                                           const std::vector<std::string>& captions);

/// The checkpoint of a model trained on these images from `seed`, in stage "train:NAME" or found in the cache. It says
/// all of the model: load_text_model() takes it.
std::filesystem::path trained_text_model(Run& run, const std::string& name, const TextModelOptions& options,
                                         const LabelledImages& images, std::uint64_t seed);
/// The same without a stage, for what all seeds share (Method::shared_products): trained from shared_text_model_seed.
std::filesystem::path shared_text_model(Run& run, const TextModelOptions& options, const LabelledImages& images,
                                        std::uint64_t seed);
inline constexpr std::uint64_t shared_text_model_seed = 0;

/// What names such a checkpoint among the products of runs: its kind, and everything that its weights depend on.
inline constexpr const char* text_model_kind = "text-model";
nlohmann::json text_model_identity(const TextModelOptions& options, const std::vector<std::string>& captions,
                                   const std::string& dataset_hash, at::Device device, std::uint64_t seed);

/// The model of such a checkpoint, of a finished training or of one that goes on, to predict in `type` on `device`.
/// Throws InputError for a file that is none.
std::unique_ptr<TextToImage> load_text_model(const std::filesystem::path& checkpoint,
                                             CheckpointWeights weights = CheckpointWeights::ema,
                                             at::ScalarType type = at::kFloat, at::Device device = at::kCPU);

/// The model in a folder as the hub lays it out, or of such a checkpoint (its averaged weights). Throws InputError that
/// says what is accepted.
std::unique_ptr<TextToImage> open_text_model(const std::string& given, at::ScalarType type, at::Device device);

}  // namespace assay
