#include "diffusion/unet.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <ATen/ops/where.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <variant>

#include "core/config.h"
#include "core/error.h"
#include "diffusion/layers.h"
#include "diffusion/timestep_embedding.h"

namespace assay {
namespace {

enum class Resample { none, down, up };

at::Tensor halve(const at::Tensor& x) { return at::avg_pool2d(x, {2, 2}); }

at::Tensor twice(const at::Tensor& x) {
  return at::upsample_nearest2d(x, std::array<std::int64_t, 2>{2 * x.size(2), 2 * x.size(3)});
}

/// What one forward pass carries besides the activations.
struct Pass {
  at::Tensor embedding;  // [B, E], already through SiLU: every block starts its projection with it
  at::Generator generator;
  bool training = false;
};

/// guided-diffusion unet.py ResBlock.
class ResBlock {
 public:
  ResBlock(Parameters& p, const std::string& name, const UNetConfig& config, std::int64_t in, std::int64_t out,
           std::int64_t embedding, Resample resample)
      : in_norm_(p, name + ".in_layers.0", in),
        in_conv_(p, name + ".in_layers.2", in, out, 3),
        project_(p, name + ".emb_layers.1", embedding, config.use_scale_shift_norm ? 2 * out : out),
        out_norm_(p, name + ".out_layers.0", out),
        out_conv_(p, name + ".out_layers.3", out, out, 3, 1, true),
        scale_shift_(config.use_scale_shift_norm),
        dropout_(config.dropout),
        resample_(resample) {
    if (in != out) skip_.emplace(p, name + ".skip_connection", in, out, 1);
  }

  at::Tensor operator()(const at::Tensor& x, const Pass& pass) const {
    // Resampling comes before the first convolution, on both paths.
    at::Tensor h = at::silu(in_norm_(x));
    at::Tensor straight = x;
    if (resample_ != Resample::none) {
      h = resample_ == Resample::down ? halve(h) : twice(h);
      straight = resample_ == Resample::down ? halve(x) : twice(x);
    }
    h = in_conv_(h);

    const at::Tensor projected = project_(pass.embedding).unsqueeze(2).unsqueeze(3);
    if (scale_shift_) {
      const auto halves = projected.chunk(2, 1);
      h = out_norm_(h) * (halves[0] + 1) + halves[1];
    } else {
      h = out_norm_(h + projected);
    }
    h = at::silu(h);
    if (pass.training && dropout_ > 0) {
      // Drawn on the CPU for every device: the same seed drops the same activations everywhere.
      const at::Tensor kept = at::empty(h.sizes(), at::kFloat).bernoulli_(1.0 - dropout_, pass.generator);
      h = h * kept.to(h.device()) / (1.0 - dropout_);
    }
    return (skip_ ? (*skip_)(straight) : straight) + out_conv_(h);
  }

 private:
  GroupNorm32 in_norm_;
  Conv2d in_conv_;
  Linear project_;
  GroupNorm32 out_norm_;
  Conv2d out_conv_;
  std::optional<Conv2d> skip_;
  bool scale_shift_;
  double dropout_;
  Resample resample_;
};

/// Self-attention over the H*W positions: guided-diffusion unet.py AttentionBlock with QKVAttention or
/// QKVAttentionLegacy. The convolutions of kernel 1 have keys of three axes, [out, in, 1].
class AttentionBlock {
 public:
  AttentionBlock(Parameters& p, const std::string& name, const UNetConfig& config, std::int64_t channels,
                 std::int64_t heads)
      : norm_(p, name + ".norm", channels),
        qkv_weight_(p.declare({name + ".qkv.weight", {3 * channels, channels, 1}, Initial::uniform_fan_in, channels})),
        qkv_bias_(p.declare({name + ".qkv.bias", {3 * channels}, Initial::uniform_fan_in, channels})),
        out_weight_(p.declare({name + ".proj_out.weight", {channels, channels, 1}, Initial::zeros})),
        out_bias_(p.declare({name + ".proj_out.bias", {channels}, Initial::zeros})),
        heads_(config.num_head_channels == -1 ? heads : channels / config.num_head_channels),
        new_order_(config.use_new_attention_order) {
    if (heads_ < 1 || channels % heads_ != 0 ||
        (config.num_head_channels != -1 && channels % config.num_head_channels != 0))
      throw InputError(fmt::format("{}: {} channels cannot be split into {}", name, channels,
                                   config.num_head_channels == -1
                                       ? fmt::format("{} heads", heads)
                                       : fmt::format("heads of {} channels", config.num_head_channels)));
  }

  at::Tensor operator()(const at::Tensor& x) const {
    const std::int64_t batch = x.size(0), channels = x.size(1), positions = x.size(2) * x.size(3);
    const std::int64_t width = channels / heads_;
    const at::Tensor flat = norm_(x).reshape({batch, channels, positions});
    const at::Tensor qkv = at::matmul(qkv_weight_->value.squeeze(2), flat) + qkv_bias_->value.unsqueeze(1);

    // Legacy order groups channels as [head][q,k,v][width], the new one as [q,k,v][head][width].
    const at::Tensor split = new_order_ ? qkv.view({batch, 3, heads_, width, positions})
                                        : qkv.view({batch, heads_, 3, width, positions}).transpose(1, 2);
    const double scale = 1.0 / std::sqrt(std::sqrt(static_cast<double>(width)));
    const at::Tensor query = split.select(1, 0) * scale, key = split.select(1, 1) * scale, value = split.select(1, 2);
    const at::Tensor weights = at::softmax(at::matmul(query.transpose(2, 3), key), -1);
    const at::Tensor mixed = at::matmul(value, weights.transpose(2, 3)).reshape({batch, channels, positions});
    const at::Tensor h = at::matmul(out_weight_->value.squeeze(2), mixed) + out_bias_->value.unsqueeze(1);
    return x + h.reshape(x.sizes());
  }

 private:
  GroupNorm32 norm_;
  const Parameter *qkv_weight_, *qkv_bias_, *out_weight_, *out_bias_;
  std::int64_t heads_;
  bool new_order_;
};

/// Down-sampling outside a ResBlock: a strided convolution (key `op`), or average pooling without weights.
class Downsample {
 public:
  Downsample(Parameters& p, const std::string& name, bool learned, std::int64_t channels) {
    if (learned) conv_.emplace(p, name + ".op", channels, channels, 3, 2);
  }
  at::Tensor operator()(const at::Tensor& x) const { return conv_ ? (*conv_)(x) : halve(x); }

 private:
  std::optional<Conv2d> conv_;
};

/// Up-sampling outside a ResBlock: nearest, then a convolution (key `conv`) where learned.
class Upsample {
 public:
  Upsample(Parameters& p, const std::string& name, bool learned, std::int64_t channels) {
    if (learned) conv_.emplace(p, name + ".conv", channels, channels, 3);
  }
  at::Tensor operator()(const at::Tensor& x) const { return conv_ ? (*conv_)(twice(x)) : twice(x); }

 private:
  std::optional<Conv2d> conv_;
};

using Layer = std::variant<Conv2d, ResBlock, AttentionBlock, Downsample, Upsample>;
using Sequence = std::vector<Layer>;

at::Tensor run(const Sequence& layers, at::Tensor h, const Pass& pass) {
  for (const Layer& layer : layers)
    h = std::visit(
        [&](const auto& l) {
          if constexpr (std::is_same_v<std::decay_t<decltype(l)>, ResBlock>)
            return l(h, pass);
          else
            return l(h);
        },
        layer);
  return h;
}

}  // namespace

struct UNet::Layers {
  std::optional<Linear> time_0, time_2, condition_0, condition_2;
  const Parameter* class_embedding = nullptr;
  const Parameter* null_condition = nullptr;
  std::vector<Sequence> input, output;
  Sequence middle;
  std::optional<GroupNorm32> out_norm;
  std::optional<Conv2d> out_conv;
};

UNet::UNet(const UNetConfig& config) : config_(config), layers_(std::make_unique<Layers>()) {
  Parameters& p = parameters_;
  Layers& l = *layers_;
  const std::int64_t time_width = 4 * config.model_channels;
  if (config.cond_dim > 0)
    l.null_condition = p.declare({"null_cond_emb", {1, config.cond_dim}, Initial::zeros, 1, false});
  l.time_0.emplace(p, "time_embed.0", config.model_channels, time_width);
  l.time_2.emplace(p, "time_embed.2", time_width, time_width);
  std::int64_t embedding = time_width;
  if (config.cond_dim > 0) {
    const std::int64_t width = 2 * config.model_channels;
    l.condition_0.emplace(p, "mlp_cond.0", config.cond_dim, width);
    l.condition_2.emplace(p, "mlp_cond.2", width, width);
    embedding += width;
  }
  if (config.num_classes)
    l.class_embedding = p.declare({"label_emb.weight", {*config.num_classes, time_width}, Initial::normal});

  const auto level_width = [&](std::size_t level) {
    return static_cast<std::int64_t>(config.channel_mult[level] * static_cast<double>(config.model_channels));
  };
  const auto attends = [&](std::int64_t factor) {
    return std::find(config.attention_resolutions.begin(), config.attention_resolutions.end(), factor) !=
           config.attention_resolutions.end();
  };
  const std::size_t levels = config.channel_mult.size();
  const std::int64_t heads_up = config.num_heads_upsample == -1 ? config.num_heads : config.num_heads_upsample;

  // Input blocks: the stem, then per level its ResBlocks and, except at the last, a down-sampling block.
  std::int64_t channels = level_width(0), factor = 1;
  std::vector<std::int64_t> skips = {channels};
  l.input.emplace_back().emplace_back(Conv2d(p, "input_blocks.0.0", config.in_channels, channels, 3));
  const auto input_name = [&](int part) { return fmt::format("input_blocks.{}.{}", l.input.size() - 1, part); };
  for (std::size_t level = 0; level < levels; ++level) {
    for (std::int64_t block = 0; block < config.num_res_blocks; ++block) {
      Sequence& sequence = l.input.emplace_back();
      sequence.emplace_back(
          ResBlock(p, input_name(0), config, channels, level_width(level), embedding, Resample::none));
      channels = level_width(level);
      if (attends(factor)) sequence.emplace_back(AttentionBlock(p, input_name(1), config, channels, config.num_heads));
      skips.push_back(channels);
    }
    if (level + 1 == levels) break;
    Sequence& sequence = l.input.emplace_back();
    if (config.resblock_updown)
      sequence.emplace_back(ResBlock(p, input_name(0), config, channels, channels, embedding, Resample::down));
    else
      sequence.emplace_back(Downsample(p, input_name(0), config.conv_resample, channels));
    skips.push_back(channels);
    factor *= 2;
  }

  l.middle.emplace_back(ResBlock(p, "middle_block.0", config, channels, channels, embedding, Resample::none));
  l.middle.emplace_back(AttentionBlock(p, "middle_block.1", config, channels, config.num_heads));
  l.middle.emplace_back(ResBlock(p, "middle_block.2", config, channels, channels, embedding, Resample::none));

  // Output blocks: deepest level first; each takes the activation and one popped skip, activation first.
  for (std::size_t level = levels; level-- > 0;) {
    for (std::int64_t block = 0; block <= config.num_res_blocks; ++block) {
      Sequence& sequence = l.output.emplace_back();
      int part = 0;
      const auto name = [&] { return fmt::format("output_blocks.{}.{}", l.output.size() - 1, part++); };
      sequence.emplace_back(
          ResBlock(p, name(), config, channels + skips.back(), level_width(level), embedding, Resample::none));
      skips.pop_back();
      channels = level_width(level);
      if (attends(factor)) sequence.emplace_back(AttentionBlock(p, name(), config, channels, heads_up));
      if (level == 0 || block != config.num_res_blocks) continue;
      if (config.resblock_updown)
        sequence.emplace_back(ResBlock(p, name(), config, channels, channels, embedding, Resample::up));
      else
        sequence.emplace_back(Upsample(p, name(), config.conv_resample, channels));
      factor /= 2;
    }
  }

  l.out_norm.emplace(p, "out.0", channels);
  l.out_conv.emplace(p, "out.2", channels, config.out_channels, 3, 1, true);
}

UNet::~UNet() = default;

at::Tensor UNet::forward(const at::Tensor& x, const at::Tensor& timesteps, const at::Tensor& classes,
                         const at::Tensor& condition, std::optional<std::uint64_t> dropout_seed) const {
  const Layers& l = *layers_;
  if (x.dim() != 4 || x.size(1) != config_.in_channels)
    throw InputError(fmt::format("UNet: x must be [B, {}, H, W]", config_.in_channels));
  if (config_.num_classes.has_value() != classes.defined())
    throw InputError(classes.defined() ? "UNet: classes given to a network without num_classes"
                                       : "UNet: a class-conditional network needs classes");
  if ((config_.cond_dim > 0) != condition.defined())
    throw InputError(condition.defined() ? "UNet: condition given to a network without cond_dim"
                                         : "UNet: a network with cond_dim needs a condition");

  at::Tensor embedding = (*l.time_2)(at::silu((*l.time_0)(timestep_embedding(timesteps, config_.model_channels))));
  if (classes.defined()) embedding = embedding + at::embedding(l.class_embedding->value, classes);
  if (condition.defined()) {
    if (condition.dim() != 2 || condition.size(1) != config_.cond_dim || condition.size(0) != x.size(0))
      throw InputError(fmt::format("UNet: condition must be [{}, {}]", x.size(0), config_.cond_dim));
    embedding = at::cat({embedding, (*l.condition_2)(at::silu((*l.condition_0)(condition)))}, 1);
  }
  Pass pass{at::silu(embedding), {}, dropout_seed.has_value()};
  if (dropout_seed && config_.dropout > 0) pass.generator = at::detail::createCPUGenerator(*dropout_seed);

  at::Tensor h = x;
  std::vector<at::Tensor> skips;
  for (const Sequence& block : l.input) skips.push_back(h = run(block, h, pass));
  h = run(l.middle, h, pass);
  for (const Sequence& block : l.output) {
    h = run(block, at::cat({h, skips.back()}, 1), pass);
    skips.pop_back();
  }
  return (*l.out_conv)(at::silu((*l.out_norm)(h)));
}

at::Tensor UNet::predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const {
  if (config_.cond_dim == 0 || condition.defined()) return forward(x, timesteps, {}, condition.vector);
  return forward(x, timesteps, {}, layers_->null_condition->value.expand({x.size(0), config_.cond_dim}));
}

at::Tensor UNet::drop_condition(const at::Tensor& condition, const at::Tensor& drop) const {
  return at::where(drop.to(at::kBool).unsqueeze(1), layers_->null_condition->value, condition);
}

UNetConfig read_unet_config(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  UNetConfig c;
  c.image_size = reader.integer("image_size", c.image_size, 1, 4096);
  c.in_channels = reader.integer("in_channels", c.in_channels, 1, 1024);
  c.model_channels = reader.integer("model_channels", c.model_channels, 1, 8192);
  c.out_channels = reader.integer("out_channels", c.out_channels, 1, 1024);
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
  const auto classes = object.find("num_classes");
  if (classes != object.end() && !classes->is_null()) c.num_classes = reader.integer("num_classes", 1, 1);
  reader.allow("num_classes");
  c.num_heads = reader.integer("num_heads", c.num_heads, -1, 4096);
  c.num_head_channels = reader.integer("num_head_channels", c.num_head_channels, -1, 4096);
  c.num_heads_upsample = reader.integer("num_heads_upsample", c.num_heads_upsample, -1, 4096);
  c.use_scale_shift_norm = reader.boolean("use_scale_shift_norm", c.use_scale_shift_norm);
  c.resblock_updown = reader.boolean("resblock_updown", c.resblock_updown);
  c.use_new_attention_order = reader.boolean("use_new_attention_order", c.use_new_attention_order);
  c.cond_dim = reader.integer("cond_dim", c.cond_dim, 0, 10000000);
  reader.finish();

  const std::int64_t factor = std::int64_t{1} << (c.channel_mult.size() - 1);
  if (c.image_size % factor != 0)
    throw InputError(fmt::format("{}: image_size {} is not a multiple of {}, which {} levels need", where, c.image_size,
                                 factor, c.channel_mult.size()));
  for (const double mult : c.channel_mult) {
    const double width = mult * static_cast<double>(c.model_channels);
    if (width < 32 || static_cast<std::int64_t>(width) % 32 != 0)
      throw InputError(fmt::format("{}: channel_mult {} times model_channels {} must be a multiple of 32", where, mult,
                                   c.model_channels));
  }
  return c;
}

nlohmann::json to_json(const UNetConfig& c) {
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
                           {"use_new_attention_order", c.use_new_attention_order},
                           {"cond_dim", c.cond_dim}};
  object["num_classes"] = c.num_classes ? nlohmann::json(*c.num_classes) : nlohmann::json();
  return object;
}

}  // namespace assay
