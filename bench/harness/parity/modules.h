#pragma once
#include <memory>

#include "bench/harness/parity/case.h"

namespace assay {
class UNet;
struct UNetConfig;
}  // namespace assay

namespace assay::parity {

/// One row of the table of modules. `make` builds the module from a pack's configuration (official argument names) and
/// weights, null where the pack has none. Throws InputError.
struct ModuleEntry {
  std::string id;
  Module (*make)(nlohmann::json config, const SafetensorsFile* state);
};

const std::vector<ModuleEntry>& modules();

Module adm_unet(nlohmann::json config, const SafetensorsFile* state);
Module dino_vit(nlohmann::json config, const SafetensorsFile* state);
Module sched(nlohmann::json config, const SafetensorsFile* state);
Module sgdm_sampler(nlohmann::json config, const SafetensorsFile* state);
Module sgdm_unet(nlohmann::json config, const SafetensorsFile* state);
Module timestep_embedding(nlohmann::json config, const SafetensorsFile* state);

/// The network with a pack's weights. Throws InputError without weights or with others.
std::shared_ptr<UNet> load_unet(const UNetConfig& config, const SafetensorsFile* state);

}  // namespace assay::parity
