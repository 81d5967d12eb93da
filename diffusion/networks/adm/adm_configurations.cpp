#include "diffusion/networks/adm/adm_configurations.h"

#include <fmt/format.h>

#include "core/convertible_weights.h"
#include "core/error.h"
#include "core/nearest.h"
#include "core/safetensors.h"

namespace assay {
namespace {

/// Widths of the levels by image size (guided-diffusion script_util.py; 32 pixels: ED-DPM's copy of it).
std::vector<double> channel_mult(std::int64_t size) {
  switch (size) {
    case 512:
      return {0.5, 1, 1, 2, 2, 4, 4};
    case 256:
      return {1, 1, 2, 2, 4, 4};
    case 128:
      return {1, 1, 2, 3, 4};
    case 64:
      return {1, 2, 3, 4};
    default:
      return {1, 2, 2, 2};
  }
}

/// The flags name the pixels at which a network attends, its constructor the down-sampling factors.
std::vector<std::int64_t> attention_factors(std::int64_t size, const std::vector<std::int64_t>& pixels) {
  std::vector<std::int64_t> factors;
  for (const std::int64_t side : pixels) factors.push_back(size / side);
  return factors;
}

UNetConfig adm_unet(std::int64_t size, bool conditional) {
  UNetConfig c;
  c.image_size = size;
  c.model_channels = size == 64 ? 192 : 256;
  c.out_channels = 6;
  c.num_res_blocks = size == 64 ? 3 : 2;
  c.attention_resolutions = attention_factors(size, {32, 16, 8});
  c.dropout = size == 64 ? 0.1 : 0.0;
  c.channel_mult = channel_mult(size);
  c.use_fp16 = size != 512;
  c.num_heads = 4;
  c.num_head_channels = size == 128 ? -1 : 64;
  c.use_new_attention_order = size == 64;
  if (conditional) c.num_classes = 1000;
  return c;
}

EncoderUNetConfig adm_classifier(std::int64_t size) {
  EncoderUNetConfig c;
  c.image_size = size;
  c.model_channels = 128;
  c.out_channels = 1000;
  c.num_res_blocks = size == 64 ? 4 : 2;
  c.attention_resolutions = attention_factors(size, {32, 16, 8});
  c.channel_mult = channel_mult(size);
  c.num_head_channels = 64;
  c.pool = "attention";
  return c;
}

/// ED-DPM's code takes 32 pixels and publishes no flags for them: these are its defaults, with the learned variance
/// that all of its runs have.
UNetConfig ed_dpm_unet_32() {
  UNetConfig c;
  c.image_size = 32;
  c.model_channels = 128;
  c.out_channels = 6;
  c.num_res_blocks = 2;
  c.attention_resolutions = attention_factors(32, {16, 8});
  c.channel_mult = channel_mult(32);
  c.num_heads = 4;
  c.resblock_updown = false;
  return c;
}

UNetConfig unet_fast(std::int64_t conditions, const std::string& method) {
  UNetConfig c;
  c.image_size = 64;
  c.model_channels = 128;
  c.num_res_blocks = 2;
  c.attention_resolutions = {4};
  c.dropout = 0.1;
  c.channel_mult = {1, 2, 4};
  c.num_heads = 8;
  c.cond_dim = conditions;
  c.condition_method = method;
  return c;
}

UNetCaConfig unetca_fast(std::int64_t conditions, const std::string& method, std::int64_t layout_dim) {
  UNetCaConfig c;
  c.image_size = 64;
  c.model_channels = 128;
  c.num_res_blocks = 2;
  c.attention_resolutions = {4};
  c.channel_mult = {1, 2, 4};
  c.num_heads = 8;
  c.use_scale_shift_norm = true;
  c.cond_dim = conditions;
  c.condition_method = method;
  c.layout_dim = layout_dim;
  return c;
}

/// Calls `use` with the network of a configuration, its weights declared and not allocated.
template <typename Use>
auto with_network(const AdmConfiguration& configuration, const Use& use) {
  struct Build {
    const Use& use;
    auto operator()(const UNetConfig& c) const { return use(UNet(c)); }
    auto operator()(const EncoderUNetConfig& c) const { return use(EncoderUNet(c)); }
    auto operator()(const UNetCaConfig& c) const { return use(UNetCa(c)); }
  };
  return std::visit(Build{use}, configuration.network);
}

}  // namespace

const std::vector<AdmConfiguration>& adm_configurations() {
  static const std::vector<AdmConfiguration> table = {
      {"adm_unet_64_cond", "ADM, ImageNet 64, class-conditional", "64x64_diffusion.pt", "cosine", adm_unet(64, true)},
      {"adm_unet_128_cond", "ADM, ImageNet 128, class-conditional", "128x128_diffusion.pt", "linear",
       adm_unet(128, true)},
      {"adm_unet_256_cond", "ADM, ImageNet 256, class-conditional (ED-DPM's CADM)", "256x256_diffusion.pt", "linear",
       adm_unet(256, true)},
      {"adm_unet_256_uncond", "ADM, ImageNet 256, unconditional (ED-DPM's UADM)", "256x256_diffusion_uncond.pt",
       "linear", adm_unet(256, false)},
      {"adm_unet_512_cond", "ADM, ImageNet 512, class-conditional", "512x512_diffusion.pt", "linear",
       adm_unet(512, true)},
      {"adm_classifier_64", "ADM, noisy classifier of ImageNet 64", "64x64_classifier.pt", "cosine",
       adm_classifier(64)},
      {"adm_classifier_128", "ADM, noisy classifier of ImageNet 128", "128x128_classifier.pt", "linear",
       adm_classifier(128)},
      {"adm_classifier_256", "ADM, noisy classifier of ImageNet 256; ED-DPM's with ECT is of the same shape",
       "256x256_classifier.pt", "linear", adm_classifier(256)},
      {"adm_classifier_512", "ADM, noisy classifier of ImageNet 512", "512x512_classifier.pt", "linear",
       adm_classifier(512)},
      {"ed_dpm_unet_32", "ED-DPM's code at 32 pixels with its defaults, unconditional", "", "linear", ed_dpm_unet_32()},
      {"ed_dpm_classifier_32", "ED-DPM's code at 32 pixels with its defaults, noisy classifier", "", "linear",
       adm_classifier(32)},
      {"sgdm_in64_unet_fast_label1000", "Self-Guided Diffusion, ImageNet 64, ground-truth labels", "", "sqrt-linear",
       unet_fast(1000, "label")},
      {"sgdm_in64_unet_fast_cluster5000", "Self-Guided Diffusion, ImageNet 64, 5000 clusters", "", "sqrt-linear",
       unet_fast(5000, "cluster")},
      {"sgdm_voc64_unetca_fast_attr21", "Self-Guided Diffusion, VOC 64, ground-truth classes", "", "sqrt-linear",
       unetca_fast(21, "attr", 0)},
      {"sgdm_voc64_unetca_fast_boxed", "Self-Guided Diffusion, VOC 64, LOST box and cluster", "", "sqrt-linear",
       unetca_fast(100, "clusterlayout", 1)},
      {"sgdm_voc64_unetca_fast_segmented", "Self-Guided Diffusion, VOC 64, STEGO mask", "", "sqrt-linear",
       unetca_fast(21, "stegoclusterlayout", 21)},
      {"sgdm_cocostuff64_unetca_fast_segmented", "Self-Guided Diffusion, COCO-Stuff 64, STEGO mask", "", "sqrt-linear",
       unetca_fast(27, "stegoclusterlayout", 27)},
  };
  return table;
}

const AdmConfiguration& adm_configuration(const std::string& name) {
  return find_named(adm_configurations(), &AdmConfiguration::name, "network configuration", name);
}

std::map<std::string, std::vector<std::int64_t>> state_shapes(const AdmConfiguration& configuration) {
  return with_network(configuration, [](const auto& network) {
    std::map<std::string, std::vector<std::int64_t>> shapes;
    for (const Parameter& parameter : network.parameters().all()) shapes[parameter.name] = parameter.shape;
    return shapes;
  });
}

NetworkCost network_cost(const AdmConfiguration& configuration) {
  return with_network(configuration, [](const auto& network) { return network.cost(); });
}

std::string looks_like(const SafetensorsFile& file, const std::string& prefix) {
  std::size_t keys = 0;
  for (const auto& [key, view] : file.tensors()) keys += key.starts_with(prefix) ? 1 : 0;
  const AdmConfiguration* best = nullptr;
  double best_share = 0.5;
  for (const AdmConfiguration& configuration : adm_configurations()) {
    const auto shapes = state_shapes(configuration);
    std::size_t same = 0;
    for (const auto& [key, shape] : shapes) {
      const auto it = file.tensors().find(prefix + key);
      if (it != file.tensors().end() && it->second.shape == shape) ++same;
    }
    // Over the keys of both, so that neither a part of a network nor a larger one counts as the same.
    const double share = static_cast<double>(same) / static_cast<double>(keys + shapes.size() - same);
    if (share > best_share) {
      best_share = share;
      best = &configuration;
    }
  }
  if (!best) return "it looks like no known configuration";
  if (best_share == 1.0) return fmt::format("it is {} ({})", best->name, best->about);
  return fmt::format("it looks like {} ({:.0f} % of the keys agree)", best->name, 100 * best_share);
}

void check_official(const Parameters& parameters, const SafetensorsFile& file, const std::string& prefix) {
  const std::string fault = parameters.misfit(file, prefix);
  if (fault.empty()) return;
  const std::string hint = conversion_hint(file);
  throw InputError(fmt::format("{}: does not fit this network; {}. {}{}{}", file.path(), looks_like(file, prefix),
                               fault, hint.empty() ? "" : ". ", hint));
}

void check_official(const AdmConfiguration& configuration, const SafetensorsFile& file, const std::string& prefix) {
  with_network(configuration, [&](const auto& network) { check_official(network.parameters(), file, prefix); });
}

void load_official(Parameters& parameters, const SafetensorsFile& file, const std::string& prefix) {
  check_official(parameters, file, prefix);
  parameters.load_partly(file, prefix);
}

}  // namespace assay
