#include "reproductions/objects/self_distillation.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <utility>

#include "core/config.h"
#include "core/error.h"
#include "core/safetensors.h"
#include "diffusion/networks/parameters.h"
#include "diffusion/training/checkpoint.h"
#include "diffusion/training/epoch_order.h"
#include "kernels/host_tensor.h"
#include "metrics/features/augment.h"

namespace assay {
namespace {

constexpr const char* backbone_prefix = "backbone.";
constexpr const char* teacher_prefix = "ema.";
constexpr const char* centre_name = "centre";
constexpr std::int64_t global_views = 2;
constexpr double last_learning_rate = 1e-6;

/// As DINO's network starts: the convolution as PyTorch makes it, all else with deviation 0.02.
Initial initial_of(const std::string& name) {
  if (name.starts_with("patch_embed")) return Initial::uniform_fan_in;
  if (name.ends_with(".bias")) return Initial::zeros;
  return name.find("norm") != std::string::npos ? Initial::ones : Initial::normal_002;
}

/// First, so that the same seed starts the network alike with and without its head.
void declare_backbone(Parameters& parameters, const VisionTransformerConfig& config, const std::string& prefix) {
  for (const WeightShape& weight : VisionTransformer::state(config))
    parameters.declare({.name = prefix + weight.name,
                        .shape = weight.shape,
                        .initial = initial_of(weight.name),
                        .fan_in = 3 * config.patch_size * config.patch_size});
}

void declare_all(Parameters& parameters, const VisionTransformerConfig& config, const SelfDistillationOptions& o) {
  declare_backbone(parameters, config, backbone_prefix);
  const auto layer = [&](const char* name, std::int64_t out, std::int64_t in) {
    parameters.declare(
        {.name = fmt::format("head.{}.weight", name), .shape = {out, in}, .initial = Initial::normal_002});
    parameters.declare({.name = fmt::format("head.{}.bias", name), .shape = {out}});
  };
  layer("mlp.0", o.hidden, o.width);
  layer("mlp.2", o.hidden, o.hidden);
  layer("mlp.4", o.bottleneck, o.hidden);
  parameters.declare({.name = "head.last_layer.weight_v",
                      .shape = {o.outputs, o.bottleneck},
                      .initial = Initial::uniform_fan_in,
                      .fan_in = o.bottleneck});
}

/// The parameters under `prefix`, without it: themselves, or where `flat` is defined its views as their own.
std::map<std::string, at::Tensor> weights_under(const Parameters& parameters, const std::string& prefix,
                                                const at::Tensor& flat = {}) {
  std::map<std::string, at::Tensor> weights;
  std::int64_t offset = 0;
  for (const Parameter& parameter : parameters.all()) {
    const std::int64_t n = parameter.value.numel();
    if (parameter.name.starts_with(prefix))
      weights.emplace(parameter.name.substr(prefix.size()),
                      flat.defined() ? flat.narrow(0, offset, n).view(parameter.shape) : parameter.value);
    offset += n;
  }
  return weights;
}

at::Tensor unit_rows(const at::Tensor& x) { return x / x.norm(2, {1}, true).clamp_min(1e-12); }

/// A network with its head, of parameters that live elsewhere.
class NetworkWithHead {
 public:
  NetworkWithHead(const VisionTransformerConfig& config, const Parameters& parameters, const at::Tensor& flat = {})
      : network_(config, weights_under(parameters, backbone_prefix, flat)),
        head_(weights_under(parameters, "head.", flat)) {}

  /// [B, outputs] of images [B, 3, H, W].
  at::Tensor operator()(const at::Tensor& images) const {
    at::Tensor x = at::gelu(layer("mlp.0", network_.forward(images).cls));
    x = at::gelu(layer("mlp.2", x));
    return at::linear(unit_rows(layer("mlp.4", x)), unit_rows(head_.at("last_layer.weight_v")));
  }

 private:
  at::Tensor layer(const std::string& name, const at::Tensor& x) const {
    return at::linear(x, head_.at(name + ".weight"), head_.at(name + ".bias"));
  }

  VisionTransformer network_;
  std::map<std::string, at::Tensor> head_;
};

/// The views of some images: global [2 * B, 3, S, S], local [local_views * B, 3, S / 2, S / 2] where there are any.
struct Views {
  at::Tensor global, local;
};

Views draw_views(const at::Tensor& images, const SelfDistillationOptions& o, std::uint64_t seed, std::int64_t step) {
  Augmentation ranges;
  ranges.flip = true;
  ranges.brightness = o.colour / 2;
  ranges.contrast = ranges.colour = o.colour;
  ranges.grey = o.grey;
  std::int64_t item = step * (global_views + o.local_views) * images.size(0);
  const auto view = [&](double smallest, double largest) {
    ranges.smallest_crop = smallest;
    ranges.largest_crop = largest;
    item += images.size(0);
    return augment(images, ranges, seed, static_cast<std::uint64_t>(item - images.size(0)));
  };
  Views views;
  const at::Tensor first = view(o.smallest_global, 1.0);
  views.global = at::cat({first, view(o.smallest_global, 1.0)});
  std::vector<at::Tensor> local;
  for (std::int64_t i = 0; i < o.local_views; ++i) local.push_back(view(o.smallest_local, o.largest_local));
  if (!local.empty()) views.local = at::avg_pool2d(at::cat(local), {2, 2});
  return views;
}

AdamWStep scalars_of(const SelfDistillationOptions& o, std::int64_t step, double gradient_norm) {
  AdamWStep scalars;
  const auto done = static_cast<double>(step), warm = static_cast<double>(o.warmup_steps);
  const double rest = std::max(1.0, static_cast<double>(o.steps) - warm);
  scalars.learning_rate = done < warm
                              ? o.learning_rate * done / warm
                              : last_learning_rate + (o.learning_rate - last_learning_rate) * 0.5 *
                                                         (1 + std::cos(std::numbers::pi * (done - warm) / rest));
  scalars.weight_decay = o.weight_decay;
  if (o.clip > 0) scalars.grad_scale = std::min(1.0, o.clip / (gradient_norm + 1e-6));
  scalars.ema_decay = teacher_momentum(o.teacher_momentum, step, o.steps);
  return scalars;
}

}  // namespace

SelfDistillationOptions read_self_distillation_options(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  SelfDistillationOptions o;
  o.patch = reader.integer("patch", o.patch, 1, 256);
  o.width = reader.integer("width", o.width, 1, 4096);
  o.depth = reader.integer("depth", o.depth, 2, 64);
  o.heads = reader.integer("heads", o.heads, 1, 64);
  o.hidden = reader.integer("hidden", o.hidden, 1, 1 << 14);
  o.bottleneck = reader.integer("bottleneck", o.bottleneck, 1, 1 << 14);
  o.outputs = reader.integer("outputs", o.outputs, 2, 1 << 17);
  o.smallest_global = reader.real("smallest_global", o.smallest_global, 0.05, 1.0);
  o.local_views = reader.integer("local_views", o.local_views, 0, 64);
  o.smallest_local = reader.real("smallest_local", o.smallest_local, 0.05, 1.0);
  o.largest_local = reader.real("largest_local", o.largest_local, o.smallest_local, 1.0);
  o.colour = reader.real("colour", o.colour, 0.0, 4.0);
  o.grey = reader.real("grey", o.grey, 0.0, 1.0);
  o.steps = reader.integer("steps", o.steps, 1);
  o.batch = reader.integer("batch", o.batch, 2, 1 << 14);
  o.learning_rate = reader.real("learning_rate", o.learning_rate, last_learning_rate, 1.0);
  o.warmup_steps = reader.integer("warmup_steps", o.warmup_steps, 0);
  o.weight_decay = reader.real("weight_decay", o.weight_decay, 0.0, 10.0);
  o.clip = reader.real("clip", o.clip, 0.0, 1e6);
  o.student_temperature = reader.real("student_temperature", o.student_temperature, 1e-3, 100.0);
  o.teacher_temperature = reader.real("teacher_temperature", o.teacher_temperature, 1e-3, 100.0);
  o.teacher_momentum = reader.real("teacher_momentum", o.teacher_momentum, 0.0, 1.0);
  o.centre_momentum = reader.real("centre_momentum", o.centre_momentum, 0.0, 1.0);
  reader.finish();
  if (o.width % o.heads != 0)
    throw InputError(
        fmt::format("{}.width: {} is no multiple of heads {}; accepted: a multiple", where, o.width, o.heads));
  return o;
}

nlohmann::json to_json(const SelfDistillationOptions& o) {
  return {{"patch", o.patch},
          {"width", o.width},
          {"depth", o.depth},
          {"heads", o.heads},
          {"hidden", o.hidden},
          {"bottleneck", o.bottleneck},
          {"outputs", o.outputs},
          {"smallest_global", o.smallest_global},
          {"local_views", o.local_views},
          {"smallest_local", o.smallest_local},
          {"largest_local", o.largest_local},
          {"colour", o.colour},
          {"grey", o.grey},
          {"steps", o.steps},
          {"batch", o.batch},
          {"learning_rate", o.learning_rate},
          {"warmup_steps", o.warmup_steps},
          {"weight_decay", o.weight_decay},
          {"clip", o.clip},
          {"student_temperature", o.student_temperature},
          {"teacher_temperature", o.teacher_temperature},
          {"teacher_momentum", o.teacher_momentum},
          {"centre_momentum", o.centre_momentum}};
}

VisionTransformerConfig network_of(const SelfDistillationOptions& o, std::int64_t side) {
  const std::int64_t factor = o.local_views > 0 ? 2 : 1;
  if (side < 1 || side % (factor * o.patch) != 0)
    throw InputError(
        fmt::format("self-distillation: images of {} pixels and patches of {}{}; accepted: a multiple of {}", side,
                    o.patch, factor == 2 ? " with local views of half the side" : "", factor * o.patch));
  VisionTransformerConfig config;
  config.img_size = side;
  config.patch_size = o.patch;
  config.embed_dim = o.width;
  config.depth = o.depth;
  config.num_heads = o.heads;
  return config;
}

std::int64_t trained_values(const SelfDistillationOptions& options, std::int64_t side) {
  Parameters parameters;
  declare_all(parameters, network_of(options, side), options);
  return parameters.trainable_count();
}

at::Tensor self_distillation_loss(const at::Tensor& student, const at::Tensor& teacher, const at::Tensor& centre,
                                  const SelfDistillationOptions& options) {
  const std::int64_t batch = teacher.size(0) / global_views, views = student.size(0) / batch;
  const std::vector<at::Tensor> asked =
      at::softmax((teacher - centre) / options.teacher_temperature, -1).chunk(global_views);
  const std::vector<at::Tensor> said = at::log_softmax(student / options.student_temperature, -1).chunk(views);
  at::Tensor sum;
  for (std::size_t i = 0; i < asked.size(); ++i)
    for (std::size_t j = 0; j < said.size(); ++j) {
      if (i == j) continue;
      const at::Tensor pair = -(asked[i] * said[j]).sum(-1).mean();
      sum = sum.defined() ? sum + pair : pair;
    }
  return sum / static_cast<double>(global_views * (views - 1));
}

at::Tensor moved_centre(const at::Tensor& centre, const at::Tensor& teacher, double momentum) {
  return centre * momentum + teacher.mean(0) * (1 - momentum);
}

double teacher_momentum(double first, std::int64_t step, std::int64_t steps) {
  const double share = static_cast<double>(step) / static_cast<double>(steps);
  return 1 - (1 - first) * 0.5 * (1 + std::cos(std::numbers::pi * share));
}

TrainReport train_by_self_distillation(const at::Tensor& images, const SelfDistillationOptions& options,
                                       std::uint64_t seed, const TrainingFile& file,
                                       const std::function<void(std::int64_t, double)>& progress) {
  if (images.dim() != 4 || images.size(0) < 1 || images.size(1) != 3 || images.size(2) != images.size(3))
    throw InputError("self-distillation: accepted: images [N, 3, S, S]");
  const VisionTransformerConfig config = network_of(options, images.size(3));
  Parameters parameters;
  declare_all(parameters, config, options);
  parameters.materialise(seed, images.device());

  at::Tensor centre = at::zeros({options.outputs}, images.options());
  ResumableTraining training(
      parameters, WeightAverage::ema, options.steps, file,
      {[&](SafetensorsWriter& state) { add_checkpoint_vector(state, centre_name, centre); },
       [&](const SafetensorsFile& state) { centre = checkpoint_vector(state, centre_name, centre); }});
  const NetworkWithHead student(config, parameters), teacher(config, parameters, training.average());

  EpochOrder order(images.size(0), seed);
  std::vector<std::int64_t> index(static_cast<std::size_t>(options.batch));
  while (!training.finished()) {
    const std::int64_t done = training.step();
    for (std::int64_t i = 0; i < options.batch; ++i)
      index[static_cast<std::size_t>(i)] = order.image(done * options.batch + i);
    const Views views =
        draw_views(at::index_select(images, 0, host_tensor(std::span<const std::int64_t>(index)).to(images.device())),
                   options, seed, done);
    at::Tensor asked;
    {
      const at::NoGradGuard no_grad;
      asked = teacher(views.global);
    }
    at::Tensor said = student(views.global);
    if (views.local.defined()) said = at::cat({said, student(views.local)});
    training.backward(self_distillation_loss(said, asked, centre, options));
    const double loss = training.descend(
        scalars_of(options, done, options.clip > 0 ? parameters.flat_gradient().norm().item<double>() : 0.0));
    centre = moved_centre(centre, asked, options.centre_momentum);
    training.save_when_due();
    if (progress) progress(training.step(), loss);
  }
  return training.finish();
}

VisionTransformer self_distilled_network(const std::filesystem::path& checkpoint,
                                         const SelfDistillationOptions& options, std::int64_t side, at::Device device) {
  const VisionTransformerConfig config = network_of(options, side);
  Parameters parameters;
  declare_backbone(parameters, config, "");
  parameters.materialise(0, device);
  const SafetensorsFile file(checkpoint);
  parameters.load_partly(file, std::string(teacher_prefix) + backbone_prefix);
  return {config, weights_under(parameters, "")};
}

VisionTransformer untrained_network(const SelfDistillationOptions& options, std::int64_t side, std::uint64_t seed,
                                    at::Device device) {
  const VisionTransformerConfig config = network_of(options, side);
  Parameters parameters;
  declare_backbone(parameters, config, "");
  parameters.materialise(seed, device);
  return {config, weights_under(parameters, "")};
}

}  // namespace assay
