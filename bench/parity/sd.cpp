#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "bench/parity/modules.h"
#include "diffusion/networks/sd/clip_text.h"
#include "diffusion/networks/sd/unet.h"
#include "diffusion/networks/sd/vae.h"

namespace assay::parity {
namespace {

/// A network and the weights that it declared.
template <class Network>
struct Loaded {
  template <class Config>
  Loaded(const Config& config, const SafetensorsFile* state) : network(parameters, config) {
    if (!state) throw InputError("the pack names no state file");
    parameters.materialise(0);
    parameters.load(*state);
  }
  Parameters parameters;
  Network network;
};

/// Keeps every map as an output.
class KeptMaps : public AttentionObserver {
 public:
  explicit KeptMaps(Outputs& outputs) : outputs_(outputs) {}
  void see(const std::string& module, const ObservedAttention& attention) override {
    outputs_["probs:" + module] = attention.map();
  }

 private:
  Outputs& outputs_;
};

}  // namespace

Module sd_clip_text(nlohmann::json config, const SafetensorsFile* state) {
  if (!state) throw InputError("the pack names no state file");
  SafetensorsFile file(state->path());
  const std::string prefix = prepare_clip_text_file(file);
  const auto parameters = std::make_shared<Parameters>();
  const auto text = std::make_shared<ClipText>(*parameters, read_clip_text_config(config, "config"), prefix);
  parameters->materialise(0);
  parameters->load_partly(file, "");
  return [parameters, text](const Case& c) -> Outputs {
    if (c.call() != "forward" && c.call() != "(none)") throw unknown_call(c, "forward");
    const at::NoGradGuard no_grad;
    const ClipText::Outputs out = text->all(c.tensor("input_ids"), {}, c.tensor_or_undefined("attention_mask"));
    return {{"last_hidden_state", out.last_hidden_state},
            {"pooler_output", out.pooler_output},
            {"hidden_embeddings", out.hidden_states.front()},
            {"hidden_penultimate", out.hidden_states[out.hidden_states.size() - 2]},
            {"penultimate_normed", out.penultimate_normed}};
  };
}

Module sd_unet(nlohmann::json config, const SafetensorsFile* state) {
  const auto unet = std::make_shared<Loaded<SdUNet>>(read_sd_unet_config(config, "config"), state);
  return [unet](const Case& c) -> Outputs {
    const bool with_maps = c.call() == "attention_maps";
    if (!with_maps && c.call() != "forward") throw unknown_call(c, "forward, attention_maps");
    const at::NoGradGuard no_grad;
    Outputs outputs;
    KeptMaps maps(outputs);
    outputs["sample"] = unet->network(c.tensor("sample"), c.tensor("timestep"), c.tensor("encoder_hidden_states"),
                                      with_maps ? &maps : nullptr);
    return outputs;
  };
}

Module sd_vae(nlohmann::json config, const SafetensorsFile* state) {
  const auto vae = std::make_shared<Loaded<SdVae>>(read_sd_vae_config(config, "config"), state);
  return [vae](const Case& c) -> Outputs {
    const at::NoGradGuard no_grad;
    if (c.call() == "decode") return {{"image", vae->network.decode(c.tensor("latent"))}};
    if (c.call() != "encode") throw unknown_call(c, "encode, decode");
    const at::Tensor moments = vae->network.moments(c.tensor("image"));
    const LatentGaussian latent(moments);
    const at::Tensor sample = latent.mean + latent.deviation * c.tensor("noise");
    return {{"moments", moments},      {"mean", latent.mean}, {"logvar", latent.log_variance},
            {"std", latent.deviation}, {"sample", sample},    {"scaled_latent", vae->network.scaled(sample)}};
  };
}

}  // namespace assay::parity
