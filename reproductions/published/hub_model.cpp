#include "reproductions/published/hub_model.h"

#include <fmt/format.h>

#include "diffusion/networks/sd/clip_text.h"
#include "diffusion/networks/sd/unet.h"
#include "diffusion/networks/sd/vae.h"

namespace assay {

NeededFile read_hub_folder(ConfigReader& reader, const std::string& what, const std::filesystem::path& root) {
  NeededFile file;
  file.what = what;
  file.path = root / reader.text("weights", "");
  file.official = reader.text("from", "");
  file.source = "the Hugging Face hub";
  file.folder = true;
  return file;
}

HubModel read_hub_model(const nlohmann::json& object, const std::string& name, const std::filesystem::path& root) {
  ConfigReader reader(object, "models." + name);
  HubModel m;
  m.folder = read_hub_folder(reader, fmt::format("text-to-image model `{}`", name), root);
  m.side = reader.integer("side", m.side, 8, 4096);
  m.unet = reader.object("unet");
  m.vae = reader.object("vae");
  m.text_encoder = reader.object("text_encoder");
  reader.finish();
  return m;
}

HubModelCost cost_of(const HubModel& model) {
  const SdUNetConfig unet_config = read_sd_unet_config(model.unet, "unet");
  const SdVaeConfig vae_config = read_sd_vae_config(model.vae, "vae");
  const ClipTextConfig text_config = read_clip_text_config(model.text_encoder, "text_encoder");
  Parameters of_unet, of_text, of_vae;
  const SdUNet unet(of_unet, unet_config);
  const ClipText text(of_text, text_config);
  const SdVae vae(of_vae, vae_config);
  const std::int64_t side = model.side / vae.factor();
  CostWalk through_unet(unet_config.in_channels, side, side), through_text(1, 1, 1),
      through_decoder(vae_config.latent_channels, side, side);
  unet.count(through_unet, text_config.max_position_embeddings);
  text.count(through_text);
  vae.count_decoding(through_decoder);
  return {through_unet.cost(of_unet.count()), through_text.cost(of_text.count()), through_decoder.cost(of_vae.count())};
}

}  // namespace assay
