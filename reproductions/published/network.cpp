#include "reproductions/published/network.h"

#include <fmt/format.h>

#include "core/config.h"
#include "core/error.h"
#include "core/safetensors.h"

namespace assay {
namespace {

template <class Network, class Config>
std::unique_ptr<Network> load(const PublishedNetwork& published, const Config& config, at::Device device) {
  auto network = std::make_unique<Network>(config);
  network->parameters().materialise(0, device);
  load_official(network->parameters(), SafetensorsFile(published.file.path), published.prefix);
  return network;
}

}  // namespace

nlohmann::json flags_of(const AdmConfiguration& configuration) {
  nlohmann::json flags = std::visit([](const auto& config) { return to_json(config); }, configuration.network);
  flags["use_fp16"] = std::visit([](const auto& config) { return config.use_fp16; }, configuration.network);
  return flags;
}

PublishedNetwork read_published_network(const nlohmann::json& object, const std::string& where,
                                        const std::filesystem::path& folder) {
  ConfigReader reader(object, where);
  PublishedNetwork network;
  network.configuration = adm_configuration(reader.text("configuration", ""));
  const nlohmann::json& changed = reader.object("override");
  if (!changed.empty()) {
    nlohmann::json flags = flags_of(network.configuration);
    flags.update(changed);
    const std::string place = where + ".override";
    struct Read {
      const nlohmann::json& flags;
      const std::string& place;
      decltype(AdmConfiguration::network) operator()(const UNetConfig&) const { return read_unet_config(flags, place); }
      decltype(AdmConfiguration::network) operator()(const EncoderUNetConfig&) const {
        return read_encoder_unet_config(flags, place);
      }
      decltype(AdmConfiguration::network) operator()(const UNetCaConfig&) const {
        return read_unet_ca_config(flags, place);
      }
    };
    network.configuration.network = std::visit(Read{flags, place}, network.configuration.network);
  }
  const std::string file = reader.text("file", "");
  if (file.empty()) throw InputError(where + ".file: missing; expected the converted checkpoint (.safetensors)");
  network.file.what = fmt::format("network `{}` ({})", where.substr(where.rfind('.') + 1), network.configuration.about);
  network.file.path = folder / file;
  network.file.official = reader.text("official", network.configuration.file);
  network.file.source = reader.text("from", "");
  network.file.sha256 = reader.text("sha256", "");
  network.file.converted = true;
  network.prefix = reader.text("prefix", "");
  reader.finish();
  return network;
}

std::int64_t image_size(const AdmConfiguration& configuration) {
  return std::visit([](const auto& config) { return config.image_size; }, configuration.network);
}

std::int64_t class_count(const AdmConfiguration& configuration) {
  if (const auto* classifier = std::get_if<EncoderUNetConfig>(&configuration.network)) return classifier->out_channels;
  if (const auto* unet = std::get_if<UNetConfig>(&configuration.network)) return unet->num_classes.value_or(0);
  return 0;
}

PlannedNetwork planned_network(const std::string& role, const PublishedNetwork& network) {
  return {role, network.configuration.name, flags_of(network.configuration), network_cost(network.configuration)};
}

void check_checkpoint(const PublishedNetwork& network) {
  check_source(network.file);
  check_official(network.configuration, SafetensorsFile(network.file.path), network.prefix);
}

bool runs_in_half(const AdmConfiguration& configuration, at::Device device) {
  return !device.is_cpu() && std::visit([](const auto& config) { return config.use_fp16; }, configuration.network);
}

std::unique_ptr<Denoiser> load_denoiser(const PublishedNetwork& network, at::Device device) {
  if (const auto* config = std::get_if<UNetConfig>(&network.configuration.network)) {
    auto unet = load<UNet>(network, *config, device);
    if (runs_in_half(network.configuration, device)) unet->convert_to(at::kHalf);
    return unet;
  }
  if (const auto* config = std::get_if<UNetCaConfig>(&network.configuration.network))
    return load<UNetCa>(network, *config, device);
  throw InputError(fmt::format("{}: a classifier where a diffusion network is needed", network.configuration.name));
}

std::unique_ptr<EncoderUNet> load_classifier(const PublishedNetwork& network, at::Device device) {
  const auto* config = std::get_if<EncoderUNetConfig>(&network.configuration.network);
  if (!config)
    throw InputError(fmt::format("{}: a diffusion network where a classifier is needed", network.configuration.name));
  auto classifier = load<EncoderUNet>(network, *config, device);
  if (runs_in_half(network.configuration, device)) classifier->convert_to(at::kHalf);
  return classifier;
}

}  // namespace assay
