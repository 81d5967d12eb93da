#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>

#include "bench/parity/modules.h"
#include "core/config.h"
#include "diffusion/networks/sd/pipeline_folder.h"
#include "diffusion/networks/sd/unet.h"
#include "diffusion/networks/sd/vae.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "kernels/host_tensor.h"

namespace assay::parity {
namespace {

const SdVaeConfig& vae_of(const PipelineFolder& folder) {
  if (!folder.vae) throw InputError(folder.folder.string() + ": without an autoencoder; accepted: a folder with one");
  return *folder.vae;
}

/// The networks of a folder in float32.
class Pipeline {
 public:
  explicit Pipeline(const std::filesystem::path& folder, const std::string& variant)
      : folder_(read_pipeline_folder(folder, variant)),
        text_file_(std::make_shared<SafetensorsFile>(folder_.text_weights)),
        text_(text_parameters_, folder_.text, prepare_clip_text_file(*text_file_)),
        unet_(unet_parameters_, folder_.unet),
        vae_(vae_parameters_, vae_of(folder_)) {
    text_parameters_.load_to_predict(text_file_, {}, at::kFloat);
    unet_parameters_.load_to_predict(std::make_shared<SafetensorsFile>(folder_.unet_weights), {}, at::kFloat);
    vae_parameters_.load_to_predict(std::make_shared<SafetensorsFile>(folder_.vae_weights), {}, at::kFloat);
  }

  const PipelineFolder& folder() const { return folder_; }
  const SdVae& vae() const { return vae_; }

  /// [B, L, width]
  at::Tensor states(const std::vector<std::string>& prompts) const {
    std::vector<std::int64_t> ids;
    for (const std::string& prompt : prompts) {
      const std::vector<std::int64_t> row = folder_.tokenizer.encode(prompt).ids;
      ids.insert(ids.end(), row.begin(), row.end());
    }
    return text_(host_tensor(ids).view({static_cast<std::int64_t>(prompts.size()), -1}));
  }

  Outputs draw(const Case& c) const {
    const nlohmann::json scheduler_config = c.has("scheduler") ? c.literal("scheduler") : folder_.scheduler;
    nlohmann::json named = scheduler_config;
    if (named.contains("_name")) named["_class_name"] = named["_name"];
    const auto scheduler = scheduler_of_config(named, "scheduler");
    scheduler->set_timesteps(c.integer("steps"));
    const double weight = c.number("weight");
    const at::Tensor noise = c.tensor("noise");
    const at::Tensor step_noise = c.tensor_or_undefined("step_noise");
    if (scheduler->needs_noise() && !step_noise.defined())
      throw InputError("sampler: this configuration needs an input 'step_noise'");
    // Negative and prompt, one row for each image.
    const at::Tensor hidden = states({c.text_or("negative", ""), c.text("prompt")});
    const at::Tensor both = hidden.repeat_interleave(noise.size(0), 0);
    at::Tensor x = noise * scheduler->init_noise_sigma();
    std::vector<at::Tensor> latents;
    latents.reserve(scheduler->timesteps().size());
    for (const double t : scheduler->timesteps()) {
      const at::Tensor seen = scheduler->scale_model_input(x);
      const at::Tensor out = unet_(at::cat({seen, seen}), at::full({1}, t, at::kFloat), both);
      const at::Tensor without = out.narrow(0, 0, x.size(0)), with = out.narrow(0, x.size(0), x.size(0));
      const at::Tensor at_step =
          step_noise.defined() ? step_noise[static_cast<std::int64_t>(latents.size())] : at::Tensor();
      x = scheduler->step(without + (with - without) * weight, x, at_step);
      latents.push_back(x);
    }
    const at::Tensor image = (vae_.decode(x) / 2 + 0.5).clamp(0, 1);
    return {{"hidden", hidden},
            {"timesteps", host_tensor(scheduler->timesteps())},
            {"latents", x.size(0) == 1 ? at::cat(latents) : at::stack(latents)},
            {"image", image}};
  }

 private:
  PipelineFolder folder_;
  std::shared_ptr<SafetensorsFile> text_file_;
  Parameters text_parameters_, unet_parameters_, vae_parameters_;
  ClipText text_;
  SdUNet unet_;
  SdVae vae_;
};

Outputs token_ids(const ClipTokenizer& tokenizer, const Case& c) {
  return {{"input_ids", host_tensor(tokenizer.encode(c.text("prompt")).ids).unsqueeze(0)}};
}

}  // namespace

Module sd_pipeline(nlohmann::json config, const SafetensorsFile* /*state*/) {
  ConfigReader reader(config, "config");
  const std::string folder = reader.text("folder", "model"), variant = reader.text("variant", "");
  reader.finish();
  const auto pipeline = std::make_shared<Pipeline>(folder, variant);
  return [pipeline](const Case& c) -> Outputs {
    const at::NoGradGuard no_grad;
    if (c.call() == "tokenize") return token_ids(pipeline->folder().tokenizer, c);
    if (c.call() == "tokenize_added") {
      ClipTokenizer tokenizer = pipeline->folder().tokenizer;
      tokenizer.add_token(c.text("added"));
      return token_ids(tokenizer, c);
    }
    if (c.call() == "draw") return pipeline->draw(c);
    if (c.call() != "encode") throw unknown_call(c, "tokenize, tokenize_added, draw, encode");
    const at::Tensor image = c.tensor("image");
    return {{"latents", pipeline->vae().encode_mean(image * 2 - 1)}};
  };
}

}  // namespace assay::parity
