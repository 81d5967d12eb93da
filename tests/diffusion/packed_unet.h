#pragma once
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/safetensors.h"
#include "diffusion/networks/sd/unet.h"
#include "diffusion/networks/sd/unet_layers.h"
#include "kernels/host_tensor.h"

namespace assay::test {

/// The UNet of a parity pack, with its weights and tensors.
struct PackedUNet {
  explicit PackedUNet(const std::filesystem::path& pack)
      : network(weights, config_of(pack)), tensors(pack / "cases.safetensors") {
    weights.materialise(0);
    weights.load(SafetensorsFile(pack / "state.safetensors"));
  }
  static SdUNetConfig config_of(const std::filesystem::path& pack) {
    std::ifstream file(pack / "pack.json");
    return read_sd_unet_config(nlohmann::json::parse(file).at("config"), "config");
  }
  at::Tensor tensor(const std::string& name) const { return tensor_of(tensors, name); }
  LatentGrid latents(const std::string& name) const {
    const at::Tensor sample = tensor(name + "/in.sample");
    return {sample.size(2), sample.size(3)};
  }
  at::Tensor predict(const std::string& name, AttentionObserver* observer) const {
    return network(tensor(name + "/in.sample"), tensor(name + "/in.timestep"),
                   tensor(name + "/in.encoder_hidden_states"), observer);
  }

  Parameters weights;
  SdUNet network;
  SafetensorsFile tensors;
};

}  // namespace assay::test
