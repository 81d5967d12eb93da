#include "diffusion/networks/sd/vae.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <optional>
#include <vector>

#include "core/error.h"
#include "diffusion/networks/layers.h"
#include "diffusion/networks/sd/attention.h"
#include "diffusion/networks/sd/resnet.h"

namespace assay {
namespace {

constexpr double eps = 1e-6;

/// Attention of one head between all positions, behind a norm and with a residual.
struct MiddleAttention {
  MiddleAttention(Parameters& p, const std::string& name, std::int64_t channels, std::int64_t groups)
      : norm(p, name + ".group_norm", channels, groups, eps),
        attention(p, name, {channels, channels, 1, channels, true, true}) {}

  at::Tensor operator()(const at::Tensor& x) const {
    const at::Tensor tokens = norm(x).flatten(2).transpose(1, 2);
    return x + attention(tokens, tokens).transpose(1, 2).reshape(x.sizes());
  }
  void count(CostWalk& walk) const {
    attention.count(walk, walk.positions(), walk.positions());
    walk.work(5 * walk.values());
    walk.keep(6 * walk.values());
  }

  GroupNorm norm;
  SdAttention attention;
};

struct Middle {
  Middle(Parameters& p, const std::string& name, std::int64_t channels, const SdVaeConfig& c)
      : first(p, name + ".resnets.0", channels, channels, {0, c.norm_num_groups, eps}),
        second(p, name + ".resnets.1", channels, channels, {0, c.norm_num_groups, eps}) {
    if (c.mid_block_add_attention) attention.emplace(p, name + ".attentions.0", channels, c.norm_num_groups);
  }

  at::Tensor operator()(at::Tensor h) const {
    h = first(h);
    if (attention) h = (*attention)(h);
    return second(h);
  }
  void count(CostWalk& walk) const {
    first.count(walk);
    if (attention) attention->count(walk);
    second.count(walk);
  }

  SdResNet first, second;
  std::optional<MiddleAttention> attention;
};

}  // namespace

struct SdVae::Layers {
  struct Encoder {
    struct Level {
      std::vector<SdResNet> resnets;
      std::optional<SdDownsample> down;
    };
    Encoder(Parameters& p, const SdVaeConfig& c, const std::string& name)
        : conv_in(p, name + ".conv_in", c.in_channels, c.block_out_channels.front(), 3),
          bias_in(&p.all().back()),
          middle(p, name + ".mid_block", c.block_out_channels.back(), c),
          norm_out(p, name + ".conv_norm_out", c.block_out_channels.back(), c.norm_num_groups, eps),
          conv_out(p, name + ".conv_out", c.block_out_channels.back(), 2 * c.latent_channels, 3) {
      std::int64_t width = c.block_out_channels.front();
      for (std::size_t i = 0; i < c.block_out_channels.size(); ++i) {
        const std::string block = fmt::format("{}.down_blocks.{}", name, i);
        Level& level = levels.emplace_back();
        for (std::int64_t j = 0; j < c.layers_per_block; ++j) {
          level.resnets.emplace_back(p, fmt::format("{}.resnets.{}", block, j), width, c.block_out_channels[i],
                                     SdResNet::Options{0, c.norm_num_groups, eps});
          width = c.block_out_channels[i];
        }
        if (i + 1 < c.block_out_channels.size())
          level.down.emplace(p, block + ".downsamplers.0", width, SdDownsample::Padding::below_and_right);
      }
    }
    Conv2d conv_in;
    const Parameter* bias_in;  // of conv_in: of the type that this computes in, where weights may have fewer bits
    std::vector<Level> levels;
    Middle middle;
    GroupNorm norm_out;
    Conv2d conv_out;
  };

  struct Decoder {
    struct Level {
      std::vector<SdResNet> resnets;
      std::optional<SdUpsample> up;
    };
    Decoder(Parameters& p, const SdVaeConfig& c, const std::string& name)
        : conv_in(p, name + ".conv_in", c.latent_channels, c.block_out_channels.back(), 3),
          bias_in(&p.all().back()),
          middle(p, name + ".mid_block", c.block_out_channels.back(), c),
          norm_out(p, name + ".conv_norm_out", c.block_out_channels.front(), c.norm_num_groups, eps),
          conv_out(p, name + ".conv_out", c.block_out_channels.front(), c.out_channels, 3) {
      const std::size_t count = c.block_out_channels.size();
      std::int64_t width = c.block_out_channels.back();
      for (std::size_t i = 0; i < count; ++i) {
        const std::string block = fmt::format("{}.up_blocks.{}", name, i);
        Level& level = levels.emplace_back();
        for (std::int64_t j = 0; j <= c.layers_per_block; ++j) {
          level.resnets.emplace_back(p, fmt::format("{}.resnets.{}", block, j), width,
                                     c.block_out_channels[count - 1 - i], SdResNet::Options{0, c.norm_num_groups, eps});
          width = c.block_out_channels[count - 1 - i];
        }
        if (i + 1 < count) level.up.emplace(p, block + ".upsamplers.0", width);
      }
    }
    Conv2d conv_in;
    const Parameter* bias_in;
    Middle middle;
    std::vector<Level> levels;
    GroupNorm norm_out;
    Conv2d conv_out;
  };

  Layers(Parameters& p, const SdVaeConfig& c, const std::string& prefix)
      : encoder(p, c, prefix + "encoder"), decoder(p, c, prefix + "decoder") {
    if (c.use_quant_conv) quant.emplace(p, prefix + "quant_conv", 2 * c.latent_channels, 2 * c.latent_channels, 1);
    if (c.use_post_quant_conv)
      post_quant.emplace(p, prefix + "post_quant_conv", c.latent_channels, c.latent_channels, 1);
  }

  Encoder encoder;
  Decoder decoder;
  std::optional<Conv2d> quant, post_quant;
};

SdVae::SdVae(Parameters& parameters, const SdVaeConfig& config, const std::string& prefix)
    : config_(config), layers_(std::make_unique<Layers>(parameters, config, prefix)) {}

SdVae::~SdVae() = default;

at::Tensor SdVae::moments(const at::Tensor& image) const {
  if (image.dim() != 4 || image.size(1) != config_.in_channels || image.size(2) < factor() || image.size(3) < factor())
    throw InputError(
        fmt::format("VAE: images must be [B, {}, H, W] of at least {} pixels a side", config_.in_channels, factor()));
  const Layers::Encoder& l = layers_->encoder;
  at::Tensor h = l.conv_in(image.to(l.bias_in->value.scalar_type()));
  for (const auto& level : l.levels) {
    for (const SdResNet& resnet : level.resnets) h = resnet(h);
    if (level.down) h = (*level.down)(h);
  }
  h = l.conv_out(l.norm_out.silu(l.middle(h)));
  return (layers_->quant ? (*layers_->quant)(h) : h).to(image.scalar_type()).contiguous();
}

at::Tensor SdVae::scaled(const at::Tensor& latent) const {
  return (config_.shift_factor ? latent - *config_.shift_factor : latent) * config_.scaling_factor;
}

at::Tensor SdVae::encode_mean(const at::Tensor& image) const { return scaled(LatentGaussian(moments(image)).mean); }

at::Tensor SdVae::decode(const at::Tensor& scaled_latent) const {
  if (scaled_latent.dim() != 4 || scaled_latent.size(1) != config_.latent_channels)
    throw InputError(fmt::format("VAE: latents must be [B, {}, H, W]", config_.latent_channels));
  const Layers::Decoder& l = layers_->decoder;
  at::Tensor h = scaled_latent / config_.scaling_factor;
  if (config_.shift_factor) h = h + *config_.shift_factor;
  h = h.to(l.bias_in->value.scalar_type());
  h = l.middle(l.conv_in(layers_->post_quant ? (*layers_->post_quant)(h) : h));
  for (const auto& level : l.levels) {
    for (const SdResNet& resnet : level.resnets) h = resnet(h);
    if (level.up) h = (*level.up)(h, 2 * h.size(2), 2 * h.size(3));
  }
  return l.conv_out(l.norm_out.silu(h)).to(scaled_latent.scalar_type()).contiguous();
}

void SdVae::count_decoding(CostWalk& walk) const {
  const Layers::Decoder& l = layers_->decoder;
  if (layers_->post_quant) layers_->post_quant->count(walk);
  l.conv_in.count(walk);
  l.middle.count(walk);
  for (const auto& level : l.levels) {
    for (const SdResNet& resnet : level.resnets) resnet.count(walk);
    if (level.up) level.up->count(walk);
  }
  l.conv_out.count(walk);
}

LatentGaussian::LatentGaussian(const at::Tensor& moments)
    : mean(moments.narrow(1, 0, moments.size(1) / 2)),
      log_variance(moments.narrow(1, moments.size(1) / 2, moments.size(1) / 2).clamp(-30, 20)),
      deviation((0.5 * log_variance).exp()) {}

}  // namespace assay
