#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "diffusion/networks/sd/text_to_image.h"

namespace assay {

/// The model of a folder as the hub lays it out, all of it in `type`, or each network as its file has it where that is
/// nothing. From here on it only predicts. A folder without an autoencoder, as save_text_to_image() writes it for a
/// model that draws pixels, is taken too. Throws InputError as read_pipeline_folder(), and as
/// Parameters::load_to_predict() for weights that do not fit the configurations or have several types.
std::unique_ptr<TextToImage> load_text_to_image(const std::filesystem::path& folder,
                                                std::optional<at::ScalarType> type = at::kFloat,
                                                at::Device device = at::kCPU, const std::string& variant = "");

/// Writes such a folder, new or empty: float32 weights under the keys that diffusers and transformers read. Throws
/// InputError where the folder cannot be written or holds something, and for a model to which words were added, whose
/// rows are no part of its weights.
void save_text_to_image(const TextToImage& model, const std::filesystem::path& folder);

}  // namespace assay
