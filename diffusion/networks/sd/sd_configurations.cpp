#include "diffusion/networks/sd/sd_configurations.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/config.h"
#include "core/error.h"

namespace assay {
namespace {

constexpr std::int64_t most_channels = 1 << 16, most_layers = 1 << 10;

/// A key of diffusers that this code builds at one value only.
struct Fixed {
  const char* key;
  nlohmann::json value;
};

/// Takes these keys out of `config`. Throws InputError for one with another value.
void take_fixed(nlohmann::json& config, const std::string& where, const std::vector<Fixed>& keys) {
  for (const auto& [key, value] : keys) {
    const auto found = config.find(key);
    if (found == config.end()) continue;
    if (*found != value)
      throw InputError(fmt::format("{}.{}: {} is not built; accepted: {}", where, key, found->dump(), value.dump()));
    config.erase(found);
  }
}

/// Takes what says nothing of the network: keys that begin with an underscore, and `unread`.
void take_unread(nlohmann::json& config, const std::vector<std::string>& unread) {
  std::vector<std::string> keys = unread;
  for (const auto& [key, value] : config.items())
    if (key.starts_with("_")) keys.push_back(key);
  for (const std::string& key : keys) config.erase(key);
}

/// Configurations of other classes share keys with these, and mean other networks.
void require_class(const nlohmann::json& config, const std::string& where, const char* built) {
  const nlohmann::json name = config.value("_class_name", nlohmann::json(built));
  if (name != built)
    throw InputError(fmt::format("{}._class_name: {} is not built; accepted: \"{}\"", where, name.dump(), built));
}

void require_length(std::size_t length, std::size_t levels, const std::string& where, const char* key) {
  if (length != levels)
    throw InputError(fmt::format("{}.{}: {} entries for {} levels of block_out_channels", where, key, length, levels));
}

/// One integer for all levels, or a list with one each.
std::vector<std::int64_t> integer_a_level(ConfigReader& reader, const nlohmann::json& config, const std::string& where,
                                          const char* key, std::int64_t fallback, std::int64_t high,
                                          std::size_t levels) {
  const auto found = config.find(key);
  if (found == config.end() || !found->is_array())
    return std::vector<std::int64_t>(levels, reader.integer(key, fallback, 1, high));
  std::vector<std::int64_t> values = reader.integers(key, {}, 1, high);
  require_length(values.size(), levels, where, key);
  return values;
}

std::vector<bool> flag_a_level(ConfigReader& reader, const nlohmann::json& config, const std::string& where,
                               const char* key, std::size_t levels) {
  const auto found = config.find(key);
  if (found == config.end() || !found->is_array()) return std::vector<bool>(levels, reader.boolean(key, false));
  reader.allow(key);
  std::vector<bool> values;
  for (const nlohmann::json& one : *found) {
    if (!one.is_boolean())
      throw InputError(fmt::format("{}.{}: expected true or false, got {}", where, key, one.dump()));
    values.push_back(one.get<bool>());
  }
  require_length(values.size(), levels, where, key);
  return values;
}

/// For each level whether its block is `with` instead of `without`.
std::vector<bool> blocks_with_attention(ConfigReader& reader, const std::string& where, const char* key,
                                        const std::vector<std::string>& fallback, const char* with, const char* without,
                                        std::size_t levels) {
  std::vector<bool> attention;
  for (const std::string& type : reader.texts(key, fallback)) {
    if (type != with && type != without)
      throw InputError(fmt::format("{}.{}: '{}' is not built; accepted: {}, {}", where, key, type, with, without));
    attention.push_back(type == with);
  }
  require_length(attention.size(), levels, where, key);
  return attention;
}

void check_groups(const std::vector<std::int64_t>& channels, std::int64_t groups, const std::string& where) {
  for (const std::int64_t width : channels)
    if (width % groups != 0)
      throw InputError(
          fmt::format("{}.block_out_channels: {} is not a multiple of norm_num_groups, {}", where, width, groups));
}

void take_activation(ConfigReader& reader) { reader.one_of("act_fn", "silu", {"silu", "swish"}); }

std::array<std::int64_t, 2> read_sample_size(ConfigReader& reader, const nlohmann::json& config,
                                             const std::string& where) {
  const auto found = config.find("sample_size");
  if (found == config.end() || found->is_null()) {
    reader.allow("sample_size");
    return {0, 0};
  }
  if (!found->is_array()) {
    const std::int64_t side = reader.integer("sample_size", 0, 1, most_channels);
    return {side, side};
  }
  const std::vector<std::int64_t> sides = reader.integers("sample_size", {}, 1, most_channels);
  if (sides.size() != 2) throw InputError(where + ".sample_size: expected one side, or height and width");
  return {sides[0], sides[1]};
}

}  // namespace

SdUNetConfig read_sd_unet_config(const nlohmann::json& diffusers_config, const std::string& where) {
  nlohmann::json config = diffusers_config;
  const ConfigReader object(config, where);  // which it must be
  require_class(config, where, "UNet2DConditionModel");
  take_fixed(config, where,
             {{"addition_embed_type", nullptr},
              {"addition_embed_type_num_heads", 64},
              {"addition_time_embed_dim", nullptr},
              {"attention_type", "default"},
              {"class_embed_type", nullptr},
              {"class_embeddings_concat", false},
              {"conv_in_kernel", 3},
              {"conv_out_kernel", 3},
              {"cross_attention_norm", nullptr},
              {"downsample_padding", 1},
              {"dropout", 0.0},
              {"dual_cross_attention", false},
              {"encoder_hid_dim", nullptr},
              {"encoder_hid_dim_type", nullptr},
              {"mid_block_only_cross_attention", nullptr},
              {"mid_block_scale_factor", 1},
              {"mid_block_type", "UNetMidBlock2DCrossAttn"},
              {"num_class_embeds", nullptr},
              {"projection_class_embeddings_input_dim", nullptr},
              {"resnet_out_scale_factor", 1.0},
              {"resnet_skip_time_act", false},
              {"resnet_time_scale_shift", "default"},
              {"reverse_transformer_layers_per_block", nullptr},
              {"time_cond_proj_dim", nullptr},
              {"time_embedding_act_fn", nullptr},
              {"time_embedding_dim", nullptr},
              {"time_embedding_type", "positional"},
              {"timestep_post_act", nullptr}});
  // diffusers' fused attention computes in one way whatever upcast_attention says.
  take_unread(config, {"upcast_attention"});
  if (config.contains("num_attention_heads")) {
    if (!config["num_attention_heads"].is_null())
      throw InputError(fmt::format(
          "{}.num_attention_heads: {} is not built, as diffusers refuses it; attention_head_dim is the number of heads",
          where, config["num_attention_heads"].dump()));
    config.erase("num_attention_heads");
  }

  SdUNetConfig c;
  ConfigReader reader(config, where);
  c.in_channels = reader.integer("in_channels", 4, 1, most_channels);
  c.out_channels = reader.integer("out_channels", 4, 1, most_channels);
  c.sample_size = read_sample_size(reader, config, where);
  c.block_out_channels = reader.integers("block_out_channels", {320, 640, 1280, 1280}, 1, most_channels);
  const std::size_t levels = c.block_out_channels.size();
  c.down_attention =
      blocks_with_attention(reader, where, "down_block_types",
                            {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"},
                            "CrossAttnDownBlock2D", "DownBlock2D", levels);
  c.up_attention = blocks_with_attention(
      reader, where, "up_block_types", {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"},
      "CrossAttnUpBlock2D", "UpBlock2D", levels);
  c.layers_per_block = integer_a_level(reader, config, where, "layers_per_block", 2, most_layers, levels);
  c.heads = integer_a_level(reader, config, where, "attention_head_dim", 8, most_channels, levels);
  c.cross_attention_dim = integer_a_level(reader, config, where, "cross_attention_dim", 1280, most_channels, levels);
  c.transformer_layers_per_block =
      integer_a_level(reader, config, where, "transformer_layers_per_block", 1, most_layers, levels);
  c.only_cross_attention = flag_a_level(reader, config, where, "only_cross_attention", levels);
  c.use_linear_projection = reader.boolean("use_linear_projection", false);
  c.norm_num_groups = reader.integer("norm_num_groups", 32, 1, most_channels);
  c.norm_eps = reader.real("norm_eps", 1e-5, 0, 1);
  c.center_input_sample = reader.boolean("center_input_sample", false);
  c.flip_sin_to_cos = reader.boolean("flip_sin_to_cos", true);
  c.freq_shift = reader.integer("freq_shift", 0, 0, 1);
  take_activation(reader);
  reader.finish();

  check_groups(c.block_out_channels, c.norm_num_groups, where);
  if (c.block_out_channels.front() % 2 != 0 || c.block_out_channels.front() < 2 * (c.freq_shift + 1))
    throw InputError(
        fmt::format("{}.block_out_channels: the time embedding needs an even first entry of at least {}, got {}", where,
                    2 * (c.freq_shift + 1), c.block_out_channels.front()));
  for (std::size_t i = 0; i < levels; ++i) {
    const bool attends = c.down_attention[i] || c.up_attention[levels - 1 - i];
    if (attends && c.cross_attention_dim[i] != c.cross_attention_dim.back())
      throw InputError(fmt::format("{}.cross_attention_dim: {} and {}; the same text goes to all levels", where,
                                   c.cross_attention_dim[i], c.cross_attention_dim.back()));
    if (c.heads[i] > c.block_out_channels[i])
      throw InputError(
          fmt::format("{}.attention_head_dim: {} heads for {} channels", where, c.heads[i], c.block_out_channels[i]));
  }
  return c;
}

SdVaeConfig read_sd_vae_config(const nlohmann::json& diffusers_config, const std::string& where) {
  nlohmann::json config = diffusers_config;
  const ConfigReader object(config, where);  // which it must be
  require_class(config, where, "AutoencoderKL");
  take_fixed(config, where, {{"latents_mean", nullptr}, {"latents_std", nullptr}});
  // force_upcast asks a pipeline in float16 to run this network in float32; sample_size is for tiles.
  take_unread(config, {"force_upcast", "sample_size"});
  if (config.contains("shift_factor") && config["shift_factor"].is_null()) config.erase("shift_factor");

  SdVaeConfig c;
  ConfigReader reader(config, where);
  c.in_channels = reader.integer("in_channels", 3, 1, most_channels);
  c.out_channels = reader.integer("out_channels", 3, 1, most_channels);
  c.latent_channels = reader.integer("latent_channels", 4, 1, most_channels);
  c.block_out_channels = reader.integers("block_out_channels", {64}, 1, most_channels);
  for (const auto& [key, type] :
       {std::pair("down_block_types", "DownEncoderBlock2D"), {"up_block_types", "UpDecoderBlock2D"}}) {
    const std::vector<std::string> types = reader.texts(key, {type});
    for (const std::string& one : types)
      if (one != type) throw InputError(fmt::format("{}.{}: '{}' is not built; accepted: {}", where, key, one, type));
    require_length(types.size(), c.block_out_channels.size(), where, key);
  }
  c.layers_per_block = reader.integer("layers_per_block", 1, 1, most_layers);
  c.norm_num_groups = reader.integer("norm_num_groups", 32, 1, most_channels);
  c.scaling_factor = reader.real("scaling_factor", 0.18215, 1e-6, 1e6);
  if (config.contains("shift_factor")) c.shift_factor = reader.real("shift_factor", 0, -1e6, 1e6);
  c.use_quant_conv = reader.boolean("use_quant_conv", true);
  c.use_post_quant_conv = reader.boolean("use_post_quant_conv", true);
  c.mid_block_add_attention = reader.boolean("mid_block_add_attention", true);
  take_activation(reader);
  reader.finish();
  check_groups(c.block_out_channels, c.norm_num_groups, where);
  return c;
}

}  // namespace assay
