#include "diffusion/networks/sd/unet.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/silu.h>
#include <fmt/format.h>

#include <optional>
#include <vector>

#include "core/error.h"
#include "diffusion/networks/layers.h"
#include "diffusion/networks/sd/resnet.h"
#include "diffusion/networks/sd/transformer.h"
#include "diffusion/networks/timestep_embedding.h"

namespace assay {
namespace {

/// The layers of one size: residual blocks, each with a transformer behind it where the block has attention. The middle
/// has one residual block more than transformers.
struct Level {
  std::vector<SdResNet> resnets;
  std::vector<SdTransformer> attentions;
  std::optional<SdDownsample> down;
  std::optional<SdUpsample> up;
};

SdTransformer::Options transformer_options(const SdUNetConfig& c, std::size_t level, bool middle = false) {
  return {c.block_out_channels[level],
          c.heads[level],
          c.cross_attention_dim[level],
          c.transformer_layers_per_block[level],
          c.norm_num_groups,
          c.use_linear_projection,
          !middle && c.only_cross_attention[level]};
}

/// Tells another observer the modules by their official names, which the names of the weights have behind a prefix.
class OfficialNames : public AttentionObserver {
 public:
  OfficialNames(AttentionObserver& observer, std::size_t prefix) : observer_(observer), prefix_(prefix) {}
  void see(const std::string& module, const ObservedAttention& attention) override {
    observer_.see(module.substr(prefix_), attention);
  }

 private:
  AttentionObserver& observer_;
  std::size_t prefix_;
};

}  // namespace

struct SdUNet::Layers {
  Layers(Parameters& p, const SdUNetConfig& c, const std::string& prefix);

  Conv2d conv_in;
  const Parameter* bias_in;  // of conv_in: of the type that the network computes in, where weights may have fewer bits
  Projection time_1, time_2;
  std::vector<Level> down;
  Level middle;
  std::vector<Level> up;
  GroupNorm norm_out;
  Conv2d conv_out;
};

SdUNet::Layers::Layers(Parameters& p, const SdUNetConfig& c, const std::string& prefix)
    : conv_in(p, prefix + "conv_in", c.in_channels, c.block_out_channels.front(), 3),
      bias_in(&p.all().back()),
      time_1(p, prefix + "time_embedding.linear_1", c.block_out_channels.front(), 4 * c.block_out_channels.front()),
      time_2(p, prefix + "time_embedding.linear_2", 4 * c.block_out_channels.front(), 4 * c.block_out_channels.front()),
      norm_out(p, prefix + "conv_norm_out", c.block_out_channels.front(), c.norm_num_groups, c.norm_eps),
      conv_out(p, prefix + "conv_out", c.block_out_channels.front(), c.out_channels, 3) {
  const std::vector<std::int64_t>& channels = c.block_out_channels;
  const SdResNet::Options resnet = {4 * channels.front(), c.norm_num_groups, c.norm_eps};
  const std::size_t levels = channels.size();

  // What the way down leaves for the way up, by its channels.
  std::vector<std::int64_t> skips = {channels.front()};
  std::int64_t width = channels.front();
  for (std::size_t i = 0; i < levels; ++i) {
    const std::string name = fmt::format("{}down_blocks.{}", prefix, i);
    Level& level = down.emplace_back();
    for (std::int64_t j = 0; j < c.layers_per_block[i]; ++j) {
      level.resnets.emplace_back(p, fmt::format("{}.resnets.{}", name, j), width, channels[i], resnet);
      width = channels[i];
      if (c.down_attention[i])
        level.attentions.emplace_back(p, fmt::format("{}.attentions.{}", name, j), transformer_options(c, i));
      skips.push_back(width);
    }
    if (i + 1 < levels) {
      level.down.emplace(p, name + ".downsamplers.0", width, SdDownsample::Padding::all_sides);
      skips.push_back(width);
    }
  }

  const std::string mid = prefix + "mid_block";
  middle.resnets.emplace_back(p, mid + ".resnets.0", width, width, resnet);
  middle.attentions.emplace_back(p, mid + ".attentions.0", transformer_options(c, levels - 1, true));
  middle.resnets.emplace_back(p, mid + ".resnets.1", width, width, resnet);

  for (std::size_t i = 0; i < levels; ++i) {
    const std::size_t of_down = levels - 1 - i;
    const std::string name = fmt::format("{}up_blocks.{}", prefix, i);
    Level& level = up.emplace_back();
    for (std::int64_t j = 0; j <= c.layers_per_block[of_down]; ++j) {
      level.resnets.emplace_back(p, fmt::format("{}.resnets.{}", name, j), width + skips.back(), channels[of_down],
                                 resnet);
      skips.pop_back();
      width = channels[of_down];
      if (c.up_attention[i])
        level.attentions.emplace_back(p, fmt::format("{}.attentions.{}", name, j), transformer_options(c, of_down));
    }
    if (i + 1 < levels) level.up.emplace(p, name + ".upsamplers.0", width);
  }
}

SdUNet::SdUNet(Parameters& parameters, const SdUNetConfig& config, const std::string& prefix)
    : config_(config), prefix_(prefix), layers_(std::make_unique<Layers>(parameters, config, prefix)) {}

SdUNet::~SdUNet() = default;

at::Tensor SdUNet::operator()(const at::Tensor& x, const at::Tensor& timesteps, const at::Tensor& text,
                              AttentionObserver* observer) const {
  const Layers& l = *layers_;
  if (x.dim() != 4 || x.size(1) != config_.in_channels)
    throw InputError(fmt::format("UNet: latents must be [B, {}, H, W]", config_.in_channels));
  const std::int64_t batch = x.size(0);
  if (text.dim() != 3 || text.size(0) != batch || text.size(2) != text_width())
    throw InputError(fmt::format("UNet: the states of a text must be [{}, L, {}]", batch, text_width()));
  if (timesteps.dim() > 1 || (timesteps.numel() != 1 && timesteps.numel() != batch))
    throw InputError(fmt::format("UNet: time steps must be one, or [{}]", batch));

  if (observer) observer->begin(x, timesteps);
  std::optional<OfficialNames> official;
  AttentionObserver* const of_attention = observer ? &official.emplace(*observer, prefix_.size()) : nullptr;

  const at::ScalarType type = l.bias_in->value.scalar_type();
  const at::Tensor states = text.to(type);
  at::Tensor time = timestep_embedding(
      timesteps.reshape({-1}), config_.block_out_channels.front(), 10000.0, static_cast<double>(config_.freq_shift),
      config_.flip_sin_to_cos ? EmbeddingOrder::cosines_first : EmbeddingOrder::sines_first);
  // Every residual block starts with this SiLU.
  time = at::silu(l.time_2(at::silu(l.time_1(time.to(type))))).expand({batch, -1});

  at::Tensor h = l.conv_in(config_.center_input_sample ? 2 * x.to(type) - 1 : x.to(type));
  std::vector<at::Tensor> skips = {h};
  for (std::size_t n = 0; n < l.down.size(); ++n) {
    const Level& level = l.down[n];
    for (std::size_t i = 0; i < level.resnets.size(); ++i) {
      h = level.resnets[i](h, time);
      if (!level.attentions.empty()) h = level.attentions[i](h, states, of_attention);
      skips.push_back(h);
    }
    if (level.down) {
      h = (*level.down)(h);
      skips.push_back(h);
    }
    if (observer) observer->see_block(fmt::format("down_blocks.{}", n), h);
  }
  h = l.middle.resnets[0](h, time);
  h = l.middle.attentions[0](h, states, of_attention);
  h = l.middle.resnets[1](h, time);
  if (observer) observer->see_block("mid_block", h);
  for (std::size_t n = 0; n < l.up.size(); ++n) {
    const Level& level = l.up[n];
    for (std::size_t i = 0; i < level.resnets.size(); ++i) {
      h = at::cat({h, skips.back()}, 1);
      skips.pop_back();
      h = level.resnets[i](h, time);
      if (!level.attentions.empty()) h = level.attentions[i](h, states, of_attention);
    }
    // The size of what comes next from the way down, which is odd where halving rounded up.
    if (level.up) h = (*level.up)(h, skips.back().size(2), skips.back().size(3));
    if (observer) observer->see_block(fmt::format("up_blocks.{}", n), h);
  }
  return l.conv_out(l.norm_out.silu(h)).to(x.scalar_type()).contiguous();
}

void SdUNet::count(CostWalk& walk, std::int64_t text_tokens) const {
  const Layers& l = *layers_;
  std::vector<std::int64_t> skips;  // channels
  const auto leave = [&] {
    skips.push_back(walk.channels());
    walk.hold(walk.values());
  };
  l.time_1.count(walk, 1);
  l.time_2.count(walk, 1);
  l.conv_in.count(walk);
  leave();
  for (const Level& level : l.down) {
    for (std::size_t i = 0; i < level.resnets.size(); ++i) {
      level.resnets[i].count(walk);
      if (!level.attentions.empty()) level.attentions[i].count(walk, text_tokens);
      leave();
    }
    if (level.down) {
      level.down->count(walk);
      leave();
    }
  }
  l.middle.resnets[0].count(walk);
  l.middle.attentions[0].count(walk, text_tokens);
  l.middle.resnets[1].count(walk);
  for (const Level& level : l.up) {
    for (std::size_t i = 0; i < level.resnets.size(); ++i) {
      walk.hold(-skips.back() * walk.positions());
      walk.set_channels(walk.channels() + skips.back());
      skips.pop_back();
      level.resnets[i].count(walk);
      if (!level.attentions.empty()) level.attentions[i].count(walk, text_tokens);
    }
    if (level.up) level.up->count(walk);
  }
  l.conv_out.count(walk);
}

}  // namespace assay
