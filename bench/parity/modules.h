#pragma once
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/parity/case.h"

namespace assay::parity {

/// One row of the table of modules. `make` builds the module from a pack's configuration (official argument names) and
/// weights, null where the pack has none; a folder that the configuration names is given with the pack's path. Throws
/// InputError.
struct ModuleEntry {
  std::string id;
  Module (*make)(nlohmann::json config, const SafetensorsFile* state);
};

const std::vector<ModuleEntry>& modules();

Module adm_classifier(nlohmann::json config, const SafetensorsFile* state);
Module adm_unet(nlohmann::json config, const SafetensorsFile* state);
Module class_token_input(nlohmann::json config, const SafetensorsFile* state);
Module dino_vit(nlohmann::json config, const SafetensorsFile* state);
Module entropy_guidance(nlohmann::json config, const SafetensorsFile* state);
Module gaussian_process(nlohmann::json config, const SafetensorsFile* state);
Module maskdm_network(nlohmann::json config, const SafetensorsFile* state);
Module sched(nlohmann::json config, const SafetensorsFile* state);
Module sd_clip_text(nlohmann::json config, const SafetensorsFile* state);
Module sd_pipeline(nlohmann::json config, const SafetensorsFile* state);
Module sd_unet(nlohmann::json config, const SafetensorsFile* state);
Module sd_vae(nlohmann::json config, const SafetensorsFile* state);
Module sgdm_sampler(nlohmann::json config, const SafetensorsFile* state);
Module sgdm_unet(nlohmann::json config, const SafetensorsFile* state);
Module sgdm_unet_ca(nlohmann::json config, const SafetensorsFile* state);
Module timestep_embedding(nlohmann::json config, const SafetensorsFile* state);
Module tokencut_cut(nlohmann::json config, const SafetensorsFile* state);
Module uvit(nlohmann::json config, const SafetensorsFile* state);

/// A network with a pack's weights, in half precision where its configuration says so. Throws InputError without
/// weights or with others.
template <typename Network, typename Config>
std::shared_ptr<Network> load_network(const Config& config, const SafetensorsFile* state) {
  if (!state) throw InputError("the pack names no state file");
  auto net = std::make_shared<Network>(config);
  net->parameters().materialise(0);
  net->parameters().load(*state);
  if constexpr (requires { net->convert_to(at::kHalf); })
    if (config.use_fp16) net->convert_to(at::kHalf);
  return net;
}

/// `config` with the defaults of the official constructors of ADM's family for what a pack leaves out.
nlohmann::json with_adm_defaults(const nlohmann::json& config);

}  // namespace assay::parity
