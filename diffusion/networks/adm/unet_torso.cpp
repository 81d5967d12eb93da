#include "diffusion/networks/adm/unet_torso.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/silu.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/config.h"
#include "core/error.h"

namespace assay {

void read_torso_config(ConfigReader& reader, const nlohmann::json& object, TorsoConfig& c) {
  c.image_size = reader.integer("image_size", c.image_size, 1, 4096);
  c.in_channels = reader.integer("in_channels", c.in_channels, 1, 1024);
  c.model_channels = reader.integer("model_channels", c.model_channels, 1, 8192);
  c.out_channels = reader.integer("out_channels", c.out_channels, 1, 1000000);
  c.num_res_blocks = reader.integer("num_res_blocks", c.num_res_blocks, 1, 64);
  // An empty list (attention in the middle block alone) is legal here, unlike in other lists.
  const auto resolutions = object.find("attention_resolutions");
  if (resolutions != object.end() && resolutions->is_array() && resolutions->empty())
    c.attention_resolutions.clear();
  else
    c.attention_resolutions = reader.integers("attention_resolutions", c.attention_resolutions, 1, 4096);
  reader.allow("attention_resolutions");
  c.dropout = reader.real("dropout", c.dropout, 0.0, 0.999);
  c.channel_mult = reader.reals("channel_mult", c.channel_mult, 1.0 / 1024, 1024);
  c.conv_resample = reader.boolean("conv_resample", c.conv_resample);
  c.use_fp16 = reader.boolean("use_fp16", c.use_fp16);
  c.num_heads = reader.integer("num_heads", c.num_heads, -1, 4096);
  c.num_head_channels = reader.integer("num_head_channels", c.num_head_channels, -1, 4096);
  c.num_heads_upsample = reader.integer("num_heads_upsample", c.num_heads_upsample, -1, 4096);
  c.use_scale_shift_norm = reader.boolean("use_scale_shift_norm", c.use_scale_shift_norm);
  c.resblock_updown = reader.boolean("resblock_updown", c.resblock_updown);
  c.norm_groups = reader.integer("norm_groups", c.norm_groups, 1, 8192);
  c.use_new_attention_order = reader.boolean("use_new_attention_order", c.use_new_attention_order);
  reader.integer("dims", 2, 2, 2);
  reader.boolean("use_checkpoint", false);
}

void check_torso_config(const TorsoConfig& c, const std::string& where) {
  const std::int64_t factor = std::int64_t{1} << (c.channel_mult.size() - 1);
  if (c.image_size % factor != 0)
    throw InputError(fmt::format("{}: image_size {} is not a multiple of {}, which {} levels need", where, c.image_size,
                                 factor, c.channel_mult.size()));
  for (const double mult : c.channel_mult) {
    const double width = mult * static_cast<double>(c.model_channels);
    const auto groups = static_cast<double>(c.norm_groups);
    if (width < groups || static_cast<std::int64_t>(width) % c.norm_groups != 0)
      throw InputError(fmt::format("{}: channel_mult {} times model_channels {} must be a multiple of {}{}", where,
                                   mult, c.model_channels, c.norm_groups,
                                   c.norm_groups == 32 ? "" : ", the norm_groups"));
  }
}

nlohmann::json to_json(const TorsoConfig& c) {
  nlohmann::json object = {{"image_size", c.image_size},
                           {"in_channels", c.in_channels},
                           {"model_channels", c.model_channels},
                           {"out_channels", c.out_channels},
                           {"num_res_blocks", c.num_res_blocks},
                           {"attention_resolutions", c.attention_resolutions},
                           {"dropout", c.dropout},
                           {"channel_mult", c.channel_mult},
                           {"conv_resample", c.conv_resample},
                           {"num_heads", c.num_heads},
                           {"num_head_channels", c.num_head_channels},
                           {"num_heads_upsample", c.num_heads_upsample},
                           {"use_scale_shift_norm", c.use_scale_shift_norm},
                           {"resblock_updown", c.resblock_updown},
                           {"use_new_attention_order", c.use_new_attention_order}};
  // Written only where set: the text of a configuration names cached networks.
  if (c.use_fp16) object["use_fp16"] = true;
  if (c.norm_groups != 32) object["norm_groups"] = c.norm_groups;
  return object;
}

TimeEmbedding::TimeEmbedding(Parameters& p, std::int64_t model_channels)
    : first_(p, "time_embed.0", model_channels, 4 * model_channels),
      second_(p, "time_embed.2", 4 * model_channels, 4 * model_channels) {}

at::Tensor TimeEmbedding::operator()(const at::Tensor& sinusoid) const { return second_(at::silu(first_(sinusoid))); }

void TimeEmbedding::count(CostWalk& walk) const {
  first_.count(walk);
  second_.count(walk);
}

UNetTorso::UNetTorso(Parameters& p, const TorsoConfig& config, std::int64_t in_channels, std::int64_t embedding,
                     const TorsoAttention& attention, bool decoder) {
  const auto level_width = [&](std::size_t level) {
    return static_cast<std::int64_t>(config.channel_mult[level] * static_cast<double>(config.model_channels));
  };
  const auto res_block = [&](const std::string& name, std::int64_t in, std::int64_t out, Resample resample) {
    return ResBlock(p, name, in, out,
                    {embedding, config.dropout, config.use_scale_shift_norm, resample, config.norm_groups});
  };
  const auto attends = [&](std::int64_t factor) {
    return std::find(config.attention_resolutions.begin(), config.attention_resolutions.end(), factor) !=
           config.attention_resolutions.end();
  };
  const auto attention_block = [&](const std::string& name, std::int64_t channels, std::int64_t heads) -> UNetBlock {
    // Token attention rounds the width of a head down where it does not divide.
    if (attention.tokens && config.num_head_channels == -1 && heads >= 1 && heads <= channels)
      return TokenAttentionBlock(p, name, channels, heads, attention.context_width, attention.context_tokens);
    heads = head_count(name, channels, heads, config.num_head_channels);
    if (attention.tokens)
      return TokenAttentionBlock(p, name, channels, heads, attention.context_width, attention.context_tokens);
    return AttentionBlock(p, name, channels, heads, config.use_new_attention_order, config.norm_groups);
  };
  const std::size_t levels = config.channel_mult.size();
  // Self-Guided Diffusion's token attention knows no other number of heads on the way up.
  const std::int64_t heads_up =
      config.num_heads_upsample == -1 || attention.tokens ? config.num_heads : config.num_heads_upsample;

  // Input blocks: the stem, then per level its ResBlocks and, except at the last, a down-sampling block.
  std::int64_t channels = level_width(0), factor = 1;
  input_channels_ = {channels};
  input_.emplace_back().emplace_back(Conv2d(p, "input_blocks.0.0", in_channels, channels, 3));
  const auto input_name = [&](int part) { return fmt::format("input_blocks.{}.{}", input_.size() - 1, part); };
  for (std::size_t level = 0; level < levels; ++level) {
    for (std::int64_t block = 0; block < config.num_res_blocks; ++block) {
      BlockSequence& sequence = input_.emplace_back();
      sequence.emplace_back(res_block(input_name(0), channels, level_width(level), Resample::none));
      channels = level_width(level);
      if (attends(factor)) sequence.emplace_back(attention_block(input_name(1), channels, config.num_heads));
      input_channels_.push_back(channels);
    }
    if (level + 1 == levels) break;
    BlockSequence& sequence = input_.emplace_back();
    if (config.resblock_updown)
      sequence.emplace_back(res_block(input_name(0), channels, channels, Resample::down));
    else
      sequence.emplace_back(Downsample(p, input_name(0), config.conv_resample, channels));
    input_channels_.push_back(channels);
    factor *= 2;
  }

  middle_.emplace_back(res_block("middle_block.0", channels, channels, Resample::none));
  middle_.emplace_back(attention_block("middle_block.1", channels, config.num_heads));
  middle_.emplace_back(res_block("middle_block.2", channels, channels, Resample::none));
  factor_ = factor;
  for (const std::int64_t width : input_channels_) features_ += width;
  features_ += channels;
  out_channels_ = channels;
  if (!decoder) return;

  // Output blocks: deepest level first; each takes the activation and one popped skip, activation first.
  std::vector<std::int64_t> skips = input_channels_;
  for (std::size_t level = levels; level-- > 0;) {
    for (std::int64_t block = 0; block <= config.num_res_blocks; ++block) {
      BlockSequence& sequence = output_.emplace_back();
      int part = 0;
      const auto name = [&] { return fmt::format("output_blocks.{}.{}", output_.size() - 1, part++); };
      sequence.emplace_back(res_block(name(), channels + skips.back(), level_width(level), Resample::none));
      skips.pop_back();
      channels = level_width(level);
      if (attends(factor)) sequence.emplace_back(attention_block(name(), channels, heads_up));
      if (level == 0 || block != config.num_res_blocks) continue;
      if (config.resblock_updown)
        sequence.emplace_back(res_block(name(), channels, channels, Resample::up));
      else
        sequence.emplace_back(Upsample(p, name(), config.conv_resample, channels));
      factor /= 2;
    }
  }
  out_channels_ = channels;
}

at::Tensor UNetTorso::operator()(at::Tensor h, const BlockPass& pass) const {
  std::vector<at::Tensor> skips;
  for (const BlockSequence& block : input_) skips.push_back(h = run(block, h, pass));
  h = run(middle_, h, pass);
  for (const BlockSequence& block : output_) {
    // Given up before the block runs, so that the two halves are not held beside their concatenation.
    h = at::cat({h, skips.back()}, 1);
    skips.pop_back();
    h = run(block, std::move(h), pass);
  }
  return h;
}

void UNetTorso::count(CostWalk& walk) const {
  std::vector<std::int64_t> skips;
  for (const BlockSequence& block : input_) {
    assay::count(block, walk);
    // An encoder keeps nothing aside.
    if (output_.empty()) continue;
    skips.push_back(walk.values());
    walk.hold(skips.back());
  }
  assay::count(middle_, walk);
  for (std::size_t i = 0; i < output_.size(); ++i) {
    const std::int64_t skip = skips.back();
    skips.pop_back();
    walk.hold(-skip);
    walk.work(2 * (walk.values() + skip));
    walk.set_channels(walk.channels() + skip / walk.positions());
    assay::count(output_[i], walk);
  }
}

BlockPass block_pass(const at::Tensor& embedding, double dropout, std::optional<std::uint64_t> dropout_seed) {
  BlockPass pass;
  pass.embedding = at::silu(embedding);
  pass.training = dropout_seed.has_value();
  if (dropout_seed && dropout > 0) pass.generator = at::detail::createCPUGenerator(*dropout_seed);
  return pass;
}

std::set<std::string> torso_convolutions(const Parameters& parameters) {
  std::set<std::string> convolutions;
  for (const Parameter& parameter : parameters.all()) {
    const bool torso = parameter.name.starts_with("input_blocks.") || parameter.name.starts_with("middle_block.") ||
                       parameter.name.starts_with("output_blocks.");
    const std::string stem = parameter.name.substr(0, parameter.name.rfind('.'));
    if (torso && parameter.shape.size() > 2) convolutions.insert({stem + ".weight", stem + ".bias"});
  }
  return convolutions;
}

void cast_torso(Parameters& parameters, at::ScalarType type) {
  if (type != at::kHalf && type != at::kBFloat16)
    throw InputError("a network is converted to half precision as float16 or bfloat16");
  parameters.cast(type, torso_convolutions(parameters));
}

}  // namespace assay
