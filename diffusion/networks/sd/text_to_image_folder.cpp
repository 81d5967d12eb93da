#include "diffusion/networks/sd/text_to_image_folder.h"

#include <fmt/format.h>

#include <span>
#include <utility>

#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "diffusion/networks/sd/pipeline_folder.h"

namespace assay {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

json read_config(const fs::path& file) { return parse_python_json(read_file(file), file.string()); }

/// The parameters under `prefix`, without it.
void save_weights(const Parameters& parameters, const std::string& prefix, const std::string& in_file,
                  const fs::path& file) {
  SafetensorsWriter writer;
  writer.add_metadata("format", "pt");
  for (const Parameter& parameter : parameters.all()) {
    if (!parameter.name.starts_with(prefix)) continue;
    const at::Tensor host = parameter.value.detach().to(at::kCPU, at::kFloat).contiguous();
    writer.add(in_file + parameter.name.substr(prefix.size()), parameter.shape,
               std::span(host.const_data_ptr<float>(), static_cast<std::size_t>(host.numel())));
  }
  ensure_folder(file.parent_path());
  writer.write(file);
}

void save_json(const fs::path& file, const json& value) {
  ensure_folder(file.parent_path());
  write_file_atomically(file, value.dump(2) + "\n");
}

/// A configuration with the keys by which libraries find its class.
json named(json config, const json& keys) {
  for (const auto& [key, value] : keys.items())
    if (!config.contains(key)) config[key] = value;
  return config;
}

}  // namespace

std::unique_ptr<TextToImage> load_text_to_image(const fs::path& folder, std::optional<at::ScalarType> type,
                                                at::Device device, const std::string& variant) {
  PipelineFolder found = read_pipeline_folder(folder, variant);
  const TextToImageConfig config = {.unet = read_config(folder / "unet" / "config.json"),
                                    .text_encoder = read_config(folder / "text_encoder" / "config.json"),
                                    .scheduler = found.scheduler,
                                    .vae = found.vae ? read_config(folder / "vae" / "config.json") : json(),
                                    .where = folder.string() + "/"};
  auto model = std::make_unique<TextToImage>(config, std::move(found.tokenizer));
  const auto text = std::make_shared<SafetensorsFile>(found.text_weights);
  const std::string prefix = prepare_clip_text_file(*text);
  model->set_text_identity(text_identity_of(*text, prefix));
  model->parameters().load_to_predict(text, {prefix, TextToImage::text_prefix}, type, device);
  model->parameters().load_to_predict(std::make_shared<SafetensorsFile>(found.unet_weights),
                                      {"", TextToImage::unet_prefix}, type, device);
  if (found.vae)
    model->vae_parameters().load_to_predict(std::make_shared<SafetensorsFile>(found.vae_weights), {}, type, device);
  return model;
}

void save_text_to_image(const TextToImage& model, const fs::path& folder) {
  if (fs::exists(folder) && !(fs::is_directory(folder) && fs::is_empty(folder)))
    throw InputError(fmt::format("{}: exists already; accepted: a new folder, or an empty one", folder.string()));
  const std::int64_t words = model.tokenizer().vocabulary_size(), rows = model.text_encoder().config().vocab_size;
  if (words > rows)
    throw InputError(fmt::format("{}: the model has {} of {} words; accepted: a model without added words",
                                 folder.string(), rows, words));
  const TextToImageConfig& config = model.config();
  save_json(folder / "unet" / "config.json", named(config.unet, {{"_class_name", "UNet2DConditionModel"}}));
  save_weights(model.parameters(), TextToImage::unet_prefix, "",
               folder / "unet" / "diffusion_pytorch_model.safetensors");
  save_json(folder / "text_encoder" / "config.json",
            named(config.text_encoder,
                  {{"model_type", "clip_text_model"}, {"architectures", json::array({"CLIPTextModel"})}}));
  save_weights(model.parameters(), TextToImage::text_prefix, "text_model.",
               folder / "text_encoder" / "model.safetensors");
  ensure_folder(folder / "tokenizer");
  model.tokenizer().save(folder / "tokenizer");
  save_json(folder / "scheduler" / "scheduler_config.json", config.scheduler);
  const bool latents = model.vae() != nullptr;
  if (latents) {
    save_json(folder / "vae" / "config.json", named(config.vae, {{"_class_name", "AutoencoderKL"}}));
    save_weights(model.vae_parameters(), "", "", folder / "vae" / "diffusion_pytorch_model.safetensors");
  }
  const json nothing = json::array({nullptr, nullptr});
  save_json(folder / "model_index.json",
            {{"_class_name", "StableDiffusionPipeline"},
             {"unet", json::array({"diffusers", "UNet2DConditionModel"})},
             {"text_encoder", json::array({"transformers", "CLIPTextModel"})},
             {"tokenizer", json::array({"transformers", "CLIPTokenizer"})},
             {"scheduler", json::array({"diffusers", config.scheduler.value("_class_name", "DDIMScheduler")})},
             {"vae", latents ? json::array({"diffusers", "AutoencoderKL"}) : nothing},
             {"safety_checker", nothing},
             {"feature_extractor", nothing},
             {"image_encoder", nothing},
             {"requires_safety_checker", false}});
}

}  // namespace assay
