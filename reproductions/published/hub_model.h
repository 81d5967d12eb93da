#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "core/config.h"
#include "diffusion/networks/network_cost.h"
#include "reproductions/plan.h"

/// Folders of the Hugging Face hub that tier `paper` reads, and what is known of them before they are there.
namespace assay {

/// Reads {"weights": folder, "from": its name on the hub} of `reader`; `what` names it, relative to `root`.
NeededFile read_hub_folder(ConfigReader& reader, const std::string& what, const std::filesystem::path& root);

/// A text-to-image model.
struct HubModel {
  NeededFile folder;
  nlohmann::json unet, vae, text_encoder;  // configurations, for the plan alone
  std::int64_t side = 512;                 // pixels
};

/// Reads {"weights", "from", "side", "unet", "vae", "text_encoder"} at `models.NAME`. Throws InputError.
HubModel read_hub_model(const nlohmann::json& object, const std::string& name, const std::filesystem::path& root);

/// What one call of each part costs, of an image of the model's side. Encoding costs less than decoding.
struct HubModelCost {
  NetworkCost unet, text, decoder;
};
HubModelCost cost_of(const HubModel& model);

}  // namespace assay
