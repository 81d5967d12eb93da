#include "diffusion/networks/adm/unet.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/silu.h>
#include <fmt/format.h>

#include "core/config.h"
#include "core/error.h"
#include "diffusion/networks/layers.h"
#include "diffusion/networks/timestep_embedding.h"

namespace assay {
namespace {

/// The classes [B] of one-hot rows [B, K].
at::Tensor classes_of(const at::Tensor& rows, std::int64_t batch, std::int64_t classes) {
  if (rows.dim() != 2 || rows.size(0) != batch || rows.size(1) != classes)
    throw InputError(fmt::format("UNet: condition must be [{}, {}]", batch, classes));
  const at::Tensor one_hot = (rows == 1).sum(1).eq(1).logical_and((rows != 0).sum(1).eq(1)).all();
  if (!one_hot.item<bool>())
    throw InputError("UNet: the condition of a network with num_classes must be one-hot: it knows one class an image");
  return rows.argmax(1);
}

}  // namespace

struct UNet::Layers {
  Layers(Parameters& p, const UNetConfig& config)
      : condition(p, "UNet", config, config.image_size), time(p, config.model_channels) {
    std::int64_t embedding = 4 * config.model_channels;
    if (config.cond_dim > 0) {
      const std::int64_t width = 2 * config.model_channels;
      condition_0.emplace(p, "mlp_cond.0", config.cond_dim, width);
      condition_2.emplace(p, "mlp_cond.2", width, width);
      embedding += width;
    }
    if (config.num_classes)
      class_embedding =
          p.declare({"label_emb.weight", {*config.num_classes, 4 * config.model_channels}, Initial::normal});
    torso.emplace(p, config, config.in_channels + config.layout_dim, embedding, TorsoAttention{}, true);
    out_norm.emplace(p, "out.0", torso->out_channels(), config.norm_groups);
    out_conv.emplace(p, "out.2", torso->out_channels(), config.out_channels, 3, 1, true);
  }

  ConditionInput condition;
  TimeEmbedding time;
  std::optional<Linear> condition_0, condition_2;
  const Parameter* class_embedding = nullptr;
  std::optional<UNetTorso> torso;
  std::optional<GroupNorm> out_norm;
  std::optional<Conv2d> out_conv;
};

UNet::UNet(const UNetConfig& config) : config_(config) {
  if (config.num_classes && config.cond_dim > 0) throw InputError("UNet: num_classes and cond_dim exclude each other");
  if (config.layout_dim > 0 && config.cond_dim == 0)
    throw InputError("UNet: a layout needs a condition vector beside it: cond_dim is 0");
  layers_ = std::make_unique<Layers>(parameters_, config);
}

UNet::~UNet() = default;

at::Tensor UNet::forward(const at::Tensor& x, const at::Tensor& timesteps, const at::Tensor& classes,
                         const Condition& condition, std::optional<std::uint64_t> dropout_seed) const {
  const Layers& l = *layers_;
  if (x.dim() != 4 || x.size(1) != config_.in_channels)
    throw InputError(fmt::format("UNet: x must be [B, {}, H, W]", config_.in_channels));
  if (config_.num_classes.has_value() != classes.defined())
    throw InputError(classes.defined() ? "UNet: classes given to a network without num_classes"
                                       : "UNet: a class-conditional network needs classes");
  l.condition.check(condition, x);

  at::Tensor embedding = l.time(timestep_embedding(timesteps, config_.model_channels));
  if (classes.defined()) {
    if (classes.dim() != 1 || classes.size(0) != x.size(0) || classes.lt(0).any().item<bool>() ||
        classes.ge(*config_.num_classes).any().item<bool>())
      throw InputError(
          fmt::format("UNet: classes must be {} numbers from 0 to {}", x.size(0), *config_.num_classes - 1));
    embedding = embedding + at::embedding(l.class_embedding->value, classes);
  }
  if (condition.vector.defined())
    embedding = at::cat({embedding, (*l.condition_2)(at::silu((*l.condition_0)(condition.vector)))}, 1);
  const at::Tensor image = condition.layout.defined() ? at::cat({x, condition.layout}, 1) : x;
  at::Tensor h = (*l.torso)(image.to(type_), block_pass(embedding, config_.dropout, dropout_seed));
  return (*l.out_conv)(l.out_norm->silu(h.to(x.scalar_type())));
}

at::Tensor UNet::predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const {
  return evaluate(x, timesteps, condition, std::nullopt);
}

at::Tensor UNet::predict_in_training(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition,
                                     std::uint64_t dropout_seed) const {
  return evaluate(x, timesteps, condition, dropout_seed);
}

at::Tensor UNet::evaluate(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition,
                          std::optional<std::uint64_t> dropout_seed) const {
  if (condition.text.defined()) throw InputError("UNet: text given to a network that takes none");
  if (config_.num_classes) {
    if (!condition.vector.defined())
      throw InputError("UNet: a class-conditional network has no null class: every row needs its class");
    if (condition.layout.defined()) throw InputError("UNet: layout given to a network without layout channels");
    return forward(x, timesteps, classes_of(condition.vector, x.size(0), *config_.num_classes), {}, dropout_seed);
  }
  return forward(x, timesteps, {}, condition.defined() ? condition : layers_->condition.null(x.size(0)), dropout_seed);
}

Condition UNet::drop_condition(const Condition& condition, const at::Tensor& drop) const {
  if (config_.cond_dim == 0) throw InputError("UNet: a network without cond_dim has no null condition to drop to");
  return layers_->condition.drop(condition, drop);
}

void UNet::convert_to(at::ScalarType type) {
  cast_torso(parameters_, type);
  type_ = type;
}

NetworkCost UNet::cost() const {
  const Layers& l = *layers_;
  CostWalk walk(config_.in_channels + config_.layout_dim, config_.image_size, config_.image_size);
  l.time.count(walk);
  if (l.condition_0) l.condition_0->count(walk);
  if (l.condition_2) l.condition_2->count(walk);
  l.torso->count(walk);
  walk.hold(walk.values());
  walk.work(2 * walk.values());
  walk.keep(2 * walk.values());
  l.out_conv->count(walk);
  return walk.cost(parameters_.count(), parameters_.count(torso_convolutions(parameters_)));
}

UNetConfig read_unet_config(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  UNetConfig c;
  read_torso_config(reader, object, c);
  read_condition_config(reader, {"clusterlayout"}, c);
  const auto classes = object.find("num_classes");
  if (classes != object.end() && !classes->is_null()) c.num_classes = reader.integer("num_classes", 1, 1);
  reader.allow("num_classes");
  reader.finish();
  check_torso_config(c, where);
  return c;
}

nlohmann::json to_json(const UNetConfig& c) {
  nlohmann::json object = to_json(static_cast<const TorsoConfig&>(c));
  add_condition_config(c, object);
  object["num_classes"] = c.num_classes ? nlohmann::json(*c.num_classes) : nlohmann::json();
  return object;
}

}  // namespace assay
