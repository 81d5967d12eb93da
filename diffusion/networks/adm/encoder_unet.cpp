#include "diffusion/networks/adm/encoder_unet.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/relu.h>
#include <fmt/format.h>

#include "core/config.h"
#include "core/error.h"
#include "diffusion/networks/layers.h"
#include "diffusion/networks/timestep_embedding.h"

namespace assay {
namespace {

constexpr std::int64_t spatial_width = 2048;

/// guided-diffusion unet.py AttentionPool2d: the mean as a first token, learned positions, one attention in the new
/// channel order whatever the blocks use, and the first token out.
class AttentionPool {
 public:
  AttentionPool(Parameters& p, const std::string& name, std::int64_t side, std::int64_t channels,
                std::int64_t head_channels, std::int64_t out)
      : positions_(
            p.declare({name + ".positional_embedding", {channels, side * side + 1}, Initial::normal_fan_in, channels})),
        qkv_(p, name + ".qkv_proj", channels, 3 * channels),
        out_(p, name + ".c_proj", channels, out),
        heads_(head_count(name, channels, -1, head_channels)) {}

  at::Tensor operator()(const at::Tensor& x) const {
    const at::Tensor flat = x.flatten(2);
    const at::Tensor tokens = at::cat({flat.mean(2, true), flat}, 2) + positions_->value;
    // Only the first token is read, but c_proj acts on each alone.
    return out_(qkv_attention(qkv_(tokens), heads_, true).narrow(2, 0, 1)).squeeze(2);
  }

  void count(CostWalk& walk) const {
    const std::int64_t tokens = positions_->shape[1], channels = positions_->shape[0];
    qkv_.count(walk, tokens);
    walk.multiply(tokens, channels, tokens);
    walk.multiply(tokens, tokens, channels);
    out_.count(walk, 1);
    walk.work(8 * tokens * channels + 2 * heads_ * tokens * tokens);
    walk.keep(9 * tokens * channels + heads_ * tokens * tokens);
  }

 private:
  const Parameter* positions_;
  Conv1x1 qkv_, out_;
  std::int64_t heads_;
};

}  // namespace

struct EncoderUNet::Layers {
  Layers(Parameters& p, const EncoderUNetConfig& config)
      : time(p, config.model_channels),
        torso(p, config, config.in_channels, 4 * config.model_channels, TorsoAttention{}, false) {
    const std::int64_t channels = torso.out_channels(), classes = config.out_channels;
    if (config.pool == "adaptive") {
      norm.emplace(p, "out.0", channels, config.norm_groups);
      convolution.emplace(p, "out.3", channels, classes, 1, 1, true);
    } else if (config.pool == "attention") {
      if (config.num_head_channels == -1) throw InputError("EncoderUNet: attention pooling needs num_head_channels");
      norm.emplace(p, "out.0", channels, config.norm_groups);
      attention.emplace(p, "out.2", config.image_size / torso.factor(), channels, config.num_head_channels, classes);
    } else {
      first.emplace(p, "out.0", torso.feature_channels(), spatial_width);
      if (config.pool == "spatial_v2") norm.emplace(p, "out.1", spatial_width, config.norm_groups);
      last.emplace(p, config.pool == "spatial_v2" ? "out.3" : "out.2", spatial_width, classes);
    }
  }

  TimeEmbedding time;
  UNetTorso torso;
  std::optional<GroupNorm> norm;
  std::optional<Conv2d> convolution;
  std::optional<AttentionPool> attention;
  std::optional<Linear> first, last;
};

EncoderUNet::EncoderUNet(const EncoderUNetConfig& config)
    : config_(config), layers_(std::make_unique<Layers>(parameters_, config)) {}

EncoderUNet::~EncoderUNet() = default;

at::Tensor EncoderUNet::forward(const at::Tensor& x, const at::Tensor& timesteps,
                                std::optional<std::uint64_t> dropout_seed) const {
  const Layers& l = *layers_;
  if (x.dim() != 4 || x.size(1) != config_.in_channels)
    throw InputError(fmt::format("EncoderUNet: x must be [B, {}, H, W]", config_.in_channels));
  if (l.attention && (x.size(2) != config_.image_size || x.size(3) != config_.image_size))
    throw InputError(fmt::format("EncoderUNet: attention pooling takes images of {0} x {0}, not {1} x {2}",
                                 config_.image_size, x.size(2), x.size(3)));

  const at::Tensor embedding = l.time(timestep_embedding(timesteps, config_.model_channels));
  std::vector<at::Tensor> means;
  const auto gather = [&](const at::Tensor& h) {
    if (l.first) means.push_back(h.to(x.scalar_type()).mean({2, 3}));
  };
  at::Tensor h = l.torso.encode(x.to(type_), block_pass(embedding, config_.dropout, dropout_seed), gather);
  if (l.first) {
    h = (*l.first)(at::cat(means, 1));
    return (*l.last)(l.norm ? l.norm->silu(h) : at::relu(h));
  }
  h = l.norm->silu(h.to(x.scalar_type()));
  if (l.attention) return (*l.attention)(h);
  return (*l.convolution)(h.mean({2, 3}, true)).flatten(1);
}

void EncoderUNet::convert_to(at::ScalarType type) {
  cast_torso(parameters_, type);
  type_ = type;
}

NetworkCost EncoderUNet::cost() const {
  const Layers& l = *layers_;
  CostWalk walk(config_.in_channels, config_.image_size, config_.image_size);
  l.time.count(walk);
  l.torso.count(walk);
  walk.work(3 * walk.values());
  walk.keep(2 * walk.values());
  if (l.attention) l.attention->count(walk);
  if (l.convolution) walk.multiply(1, walk.channels(), config_.out_channels);
  if (l.first) l.first->count(walk);
  if (l.last) l.last->count(walk);
  return walk.cost(parameters_.count(), parameters_.count(torso_convolutions(parameters_)));
}

EncoderUNetConfig read_encoder_unet_config(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  EncoderUNetConfig c;
  read_torso_config(reader, object, c);
  c.pool = reader.one_of("pool", c.pool, {"adaptive", "attention", "spatial", "spatial_v2"});
  reader.finish();
  check_torso_config(c, where);
  if (c.pool == "attention" && c.num_head_channels == -1)
    throw InputError(where + ": pool \"attention\" needs num_head_channels");
  return c;
}

nlohmann::json to_json(const EncoderUNetConfig& c) {
  nlohmann::json object = to_json(static_cast<const TorsoConfig&>(c));
  object["pool"] = c.pool;
  return object;
}

}  // namespace assay
