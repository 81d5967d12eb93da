#include "diffusion/networks/adm/unet_ca.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/silu.h>
#include <fmt/format.h>

#include <cmath>

#include "core/config.h"
#include "core/error.h"
#include "diffusion/networks/layers.h"
#include "diffusion/networks/timestep_embedding.h"

namespace assay {
namespace {

constexpr std::int64_t time_tokens = 8, condition_tokens = 8;

/// The layers of to_cond_tokens_2d, which a network of one condition token declares and never calls: a checkpoint has
/// them.
void declare_unused_tokens(Parameters& p, std::int64_t cond_dim, std::int64_t context_dim) {
  const auto middle = static_cast<std::int64_t>(std::sqrt(static_cast<double>(context_dim * cond_dim)));
  Linear(p, "to_cond_tokens_2d.0", cond_dim, middle);
  Linear(p, "to_cond_tokens_2d.2", middle, middle);
  Linear(p, "to_cond_tokens_2d.4", middle, middle);
  Linear(p, "to_cond_tokens_2d.6", middle, context_dim);
}

}  // namespace

struct UNetCa::Layers {
  Layers(Parameters& p, const UNetCaConfig& config)
      : condition(p, "UNetCa", config, config.image_size),
        time(p, config.model_channels),
        context_norm(p, "norm_cond", config.context_dim, LayerNorm::Keys::weight_bias),
        time_tokens_0(p, "to_time_tokens.0", config.model_channels, config.model_channels),
        time_tokens_2(p, "to_time_tokens.2", config.model_channels, config.context_dim * time_tokens) {
    const std::int64_t embedding = 4 * config.model_channels;
    const bool conditional = config.cond_dim > 0;
    if (conditional) {
      condition_0.emplace(p, "cond_mlp.0", config.cond_dim, embedding);
      condition_2.emplace(p, "cond_mlp.2", embedding, embedding);
      tokens.emplace(p, "to_cond_tokens.0", config.cond_dim, config.context_dim * condition_tokens);
      declare_unused_tokens(p, config.cond_dim, config.context_dim);
    }
    const TorsoAttention attention{true, config.context_dim, time_tokens + (conditional ? condition_tokens : 0)};
    torso.emplace(p, config, config.in_channels + config.layout_dim, embedding, attention, true);
    out_norm.emplace(p, "out.0", torso->out_channels(), config.norm_groups);
    out_conv.emplace(p, "out.2", torso->out_channels(), config.out_channels, 3, 1, true);
  }

  ConditionInput condition;
  TimeEmbedding time;
  LayerNorm context_norm;
  Linear time_tokens_0, time_tokens_2;
  std::optional<Linear> condition_0, condition_2, tokens;
  std::optional<UNetTorso> torso;
  std::optional<GroupNorm> out_norm;
  std::optional<Conv2d> out_conv;
};

UNetCa::UNetCa(const UNetCaConfig& config) : config_(config), layers_(std::make_unique<Layers>(parameters_, config)) {}

UNetCa::~UNetCa() = default;

at::Tensor UNetCa::forward(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition,
                           std::optional<std::uint64_t> dropout_seed) const {
  const Layers& l = *layers_;
  if (x.dim() != 4 || x.size(1) != config_.in_channels)
    throw InputError(fmt::format("UNetCa: x must be [B, {}, H, W]", config_.in_channels));
  l.condition.check(condition, x);

  const std::int64_t batch = x.size(0), width = config_.context_dim;
  const at::Tensor sinusoid = timestep_embedding(timesteps, config_.model_channels);
  at::Tensor embedding = l.time(sinusoid);
  at::Tensor context = l.time_tokens_2(at::silu(l.time_tokens_0(sinusoid))).view({batch, time_tokens, width});
  if (condition.vector.defined()) {
    embedding = embedding + (*l.condition_2)(at::silu((*l.condition_0)(condition.vector)));
    context = at::cat({context, (*l.tokens)(condition.vector).view({batch, condition_tokens, width})}, 1);
  }
  BlockPass pass = block_pass(embedding, config_.dropout, dropout_seed);
  pass.context = l.context_norm(context);
  const at::Tensor image = condition.layout.defined() ? at::cat({x, condition.layout}, 1) : x;
  return (*l.out_conv)(l.out_norm->silu((*l.torso)(image, pass)));
}

at::Tensor UNetCa::predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const {
  return forward(x, timesteps, condition.defined() ? condition : layers_->condition.null(x.size(0)));
}

at::Tensor UNetCa::predict_in_training(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition,
                                       std::uint64_t dropout_seed) const {
  return forward(x, timesteps, condition.defined() ? condition : layers_->condition.null(x.size(0)), dropout_seed);
}

Condition UNetCa::drop_condition(const Condition& condition, const at::Tensor& drop) const {
  return layers_->condition.drop(condition, drop);
}

NetworkCost UNetCa::cost() const {
  const Layers& l = *layers_;
  CostWalk walk(config_.in_channels + config_.layout_dim, config_.image_size, config_.image_size);
  l.time.count(walk);
  l.time_tokens_0.count(walk);
  l.time_tokens_2.count(walk);
  for (const auto* layer : {&l.condition_0, &l.condition_2, &l.tokens})
    if (*layer) (*layer)->count(walk);
  l.torso->count(walk);
  walk.hold(walk.values());
  walk.work(2 * walk.values());
  walk.keep(2 * walk.values());
  l.out_conv->count(walk);
  return walk.cost(parameters_.count());
}

UNetCaConfig read_unet_ca_config(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  UNetCaConfig c;
  read_torso_config(reader, object, c);
  c.context_dim = reader.integer("context_dim", c.context_dim, 1, 65536);
  // What the published class takes beside them: attention of this kind alone is supported, the rest changes nothing.
  if (!reader.boolean("use_ca_block", true))
    throw InputError(where + ".use_ca_block: only true is supported; the network without it is the image-level UNet");
  reader.boolean("legacy", true);
  reader.boolean("use_cls_token_as_pooled", true);
  reader.integer("transformer_depth", 1, 0, 1024);
  reader.allow("cond_mlp_divide");
  read_condition_config(reader, {"clusterlayout", "stegoclusterlayout", "layout"}, c);
  c.cond_token_num = reader.integer("cond_token_num", c.cond_dim > 0 ? 1 : 0, 0, 1 << 20);
  const auto classes = object.find("num_classes");
  if (classes != object.end() && !classes->is_null())
    throw InputError(where + ".num_classes: this network has no class embedding");
  reader.allow("num_classes");
  reader.finish();
  check_torso_config(c, where);
  if (c.use_fp16) throw InputError(where + ".use_fp16: the published network has no half precision");
  if (c.cond_token_num > 1)
    throw InputError(fmt::format("{}.cond_token_num is {}; supported: 0 and 1", where, c.cond_token_num));
  if ((c.cond_token_num == 0) != (c.cond_dim == 0))
    throw InputError(fmt::format("{}: cond_token_num {} with cond_dim {}; both are 0 or neither is", where,
                                 c.cond_token_num, c.cond_dim));
  if (c.layout_dim > 0 && (c.condition_method == "layout") != (c.cond_dim == 0))
    throw InputError(
        fmt::format("{}.condition_method {} with cond_dim {}: \"layout\" takes no vector, the others need one", where,
                    c.condition_method, c.cond_dim));
  return c;
}

nlohmann::json to_json(const UNetCaConfig& c) {
  nlohmann::json object = to_json(static_cast<const TorsoConfig&>(c));
  add_condition_config(c, object);
  object["context_dim"] = c.context_dim;
  object["cond_token_num"] = c.cond_token_num;
  return object;
}

}  // namespace assay
