#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "diffusion/networks/adm/encoder_unet.h"
#include "diffusion/networks/adm/unet.h"
#include "diffusion/networks/adm/unet_ca.h"
#include "diffusion/networks/network_cost.h"

namespace assay {

class SafetensorsFile;

/// A published network: what its checkpoint holds and how it is run. Names are those of ADM's release (image size and
/// kind), ED-DPM's additions and Self-Guided Diffusion's data sets.
struct AdmConfiguration {
  std::string name;
  std::string about;           // one line: whose, what for
  std::string file;            // of the official checkpoint; empty where none is published
  std::string noise_schedule;  // of make_noise_schedule, over 1000 steps
  std::variant<UNetConfig, EncoderUNetConfig, UNetCaConfig> network;
};

/// Every known configuration; the networks of guided-diffusion's README first (openai/guided-diffusion, its sampling
/// flags), then ED-DPM's 32 pixels, then Self-Guided Diffusion's.
const std::vector<AdmConfiguration>& adm_configurations();
/// By name. Throws InputError with the nearest known one.
const AdmConfiguration& adm_configuration(const std::string& name);

/// Keys and shapes of a configuration's state_dict, without allocating a weight.
std::map<std::string, std::vector<std::int64_t>> state_shapes(const AdmConfiguration& configuration);
/// What it costs to run, without allocating a weight.
NetworkCost network_cost(const AdmConfiguration& configuration);

/// Which configuration the tensors of a file belong to, as text for a message: "adm_unet_64_cond" where all keys and
/// shapes agree, the nearest with the share that agrees where it is above a half, or that it is none of them. Only keys
/// under `prefix` count.
std::string looks_like(const SafetensorsFile& file, const std::string& prefix = "");

/// Throws InputError unless the checkpoint, with official keys, is this network's: the one line says what the file
/// looks like, how many keys are wrong and the first ten of them.
void check_official(const Parameters& parameters, const SafetensorsFile& file, const std::string& prefix = "");
/// The same for a configuration, without allocating a weight.
void check_official(const AdmConfiguration& configuration, const SafetensorsFile& file, const std::string& prefix = "");

/// Loads a network's weights from a checkpoint with official keys, strictly. Throws InputError as check_official.
void load_official(Parameters& parameters, const SafetensorsFile& file, const std::string& prefix = "");

}  // namespace assay
