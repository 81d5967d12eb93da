#include "diffusion/training/trainer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "core/config.h"
#include "core/error.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "diffusion/process/gaussian_process.h"
#include "diffusion/process/variational_bound.h"
#include "diffusion/training/checkpoint.h"
#include "diffusion/training/epoch_order.h"
#include "diffusion/training/timestep_sampler.h"

namespace assay {
namespace {

constexpr Names<DenoisingObjective> loss_names = {{"mse", DenoisingObjective::mse},
                                                  {"hybrid", DenoisingObjective::hybrid}};

/// The tensors of one training batch.
struct Batch {
  at::Tensor x0, noise, timesteps, signal, noise_scale, drop;
  Condition condition;
  at::Tensor weight;  // importance of each example
  std::vector<std::int64_t> steps;
};

/// Draws the batch of `step`; every example has its own stream.
Batch draw_batch(const TrainingSet& set, const NoiseSchedule& schedule, const TrainOptions& options,
                 const TimestepSampler& sampler, std::uint64_t seed, std::int64_t step, EpochOrder& order) {
  const std::int64_t size = options.batch, pixels = set.images.numel() / set.images.size(0);
  const at::Tensor index = at::empty({size}, at::kLong), timesteps = at::empty({size}, at::kLong);
  const at::Tensor signal = at::empty({size, 1, 1, 1}, at::kFloat), scale = at::empty({size, 1, 1, 1}, at::kFloat);
  const at::Tensor drop = at::empty({size}, at::kBool), weight = at::empty({size}, at::kFloat);
  std::vector<std::int64_t> steps;
  const at::Tensor noise = at::empty({size, set.images.size(1), set.images.size(2), set.images.size(3)}, at::kFloat);
  std::vector<std::int64_t> images;
  std::vector<std::size_t> blocks;  // which of its conditions each example shows

  for (std::int64_t i = 0; i < size; ++i) {
    const std::int64_t example = step * size + i;
    const std::int64_t image = order.image(example);
    RandomStream random(seed, Purpose::training, static_cast<std::uint64_t>(example));
    const auto [t, importance] = sampler.draw(random);
    const bool dropped = random.uniform() < options.condition_dropout;
    if (!set.blocks.empty()) blocks.push_back(random.below(set.blocks.size()));
    images.push_back(image);
    index.mutable_data_ptr<std::int64_t>()[i] = image;
    timesteps.mutable_data_ptr<std::int64_t>()[i] = t;
    steps.push_back(t);
    weight.mutable_data_ptr<float>()[i] = static_cast<float>(importance);
    drop.mutable_data_ptr<bool>()[i] = dropped;
    const double alpha_bar = schedule.alpha_bar[static_cast<std::size_t>(t)];
    signal.mutable_data_ptr<float>()[i] = static_cast<float>(std::sqrt(alpha_bar));
    scale.mutable_data_ptr<float>()[i] = static_cast<float>(std::sqrt(1 - alpha_bar));
    random.fill_normal({noise.mutable_data_ptr<float>() + i * pixels, static_cast<std::size_t>(pixels)});
  }
  const at::Device device = set.images.device();
  const Condition condition = set.blocks.empty() ? Condition() : shown_condition(set.blocks, blocks, images).to(device);
  return {at::index_select(set.images, 0, index.to(device)),
          noise.to(device),
          timesteps.to(device),
          signal.to(device),
          scale.to(device),
          drop.to(device),
          condition,
          weight.to(device),
          std::move(steps)};
}

/// Whether the loss is the plain squared error over uniform time steps, which needs no diffusion process.
bool plain(const TrainOptions& options) {
  return options.loss == DenoisingObjective::mse && options.timestep_sampler == "uniform";
}

void check_fit(const TrainableDenoiser& network, const TrainingSet& set, const TrainOptions& options) {
  const bool hybrid = options.loss == DenoisingObjective::hybrid;
  if (hybrid != network.learned_variance())
    throw InputError(fmt::format("training: loss {} on images of {} channels needs out_channels {}, the network {}",
                                 name_of(options.loss, loss_names), set.images.size(1),
                                 (hybrid ? 2 : 1) * set.images.size(1),
                                 hybrid ? "learns no variance" : "learns the variance too"));
  const std::int64_t width = vector_width(set.blocks), channels = layout_width(set.blocks);
  if ((text_length(set.blocks) > 0) != network.takes_text())
    throw InputError(network.takes_text() ? "training: the network takes a text, the set has none"
                                          : "training: the set has a text, the network takes none");
  if (!plain(options) && network.prediction() != Prediction::epsilon)
    throw InputError(fmt::format(
        "training: a network that predicts {} with loss {} and step_sampler {}; accepted: mse "
        "and uniform, or a network that predicts epsilon",
        name_of(network.prediction(), prediction_names), name_of(options.loss, loss_names), options.timestep_sampler));
  if (!network.has_null_condition()) {
    const std::int64_t classes = network.condition_size();
    if (set.blocks.size() != 1 || width != classes)
      throw InputError(fmt::format(
          "training: a network of {} classes takes them from one condition of {} classes; the set has {} conditions{}",
          classes, classes, set.blocks.size(), set.blocks.size() == 1 ? fmt::format(", of {} classes", width) : ""));
    if (options.condition_dropout != 0)
      throw InputError(fmt::format(
          "training: condition_dropout {} on a class-conditional network, which has no null class; accepted: 0",
          options.condition_dropout));
  }
  if (width != network.condition_size() || channels != network.layout_channels())
    throw InputError(fmt::format("training: conditions of width {} and {} layout channels; the network takes {} and {}",
                                 width, channels, network.condition_size(), network.layout_channels()));
}

}  // namespace

TrainOptions read_train_options(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  TrainOptions o;
  o.steps = reader.integer("steps", o.steps, 1);
  o.batch = reader.integer("batch", o.batch, 1, 1 << 16);
  o.learning_rate = reader.real("learning_rate", o.learning_rate, 1e-9, 1.0);
  o.weight_decay = reader.real("weight_decay", o.weight_decay, 0.0, 10.0);
  o.beta1 = reader.real("beta1", o.beta1, 0.0, 0.9999999);
  o.beta2 = reader.real("beta2", o.beta2, 0.0, 0.9999999);
  o.warmup_steps = reader.integer("warmup_steps", o.warmup_steps, 0);
  o.ema_decay = reader.real("ema_decay", o.ema_decay, 0.0, 0.9999999);
  o.condition_dropout = reader.real("condition_dropout", o.condition_dropout, 0.0, 1.0);
  o.loss = reader.choice("loss", o.loss, loss_names);
  o.timestep_sampler = reader.one_of("step_sampler", o.timestep_sampler, timestep_sampler_names());
  reader.finish();
  return o;
}

nlohmann::json to_json(const TrainOptions& o) {
  return {{"steps", o.steps},
          {"batch", o.batch},
          {"learning_rate", o.learning_rate},
          {"weight_decay", o.weight_decay},
          {"beta1", o.beta1},
          {"beta2", o.beta2},
          {"warmup_steps", o.warmup_steps},
          {"ema_decay", o.ema_decay},
          {"condition_dropout", o.condition_dropout},
          {"loss", name_of(o.loss, loss_names)},
          {"step_sampler", o.timestep_sampler}};
}

TrainReport train(TrainableDenoiser& network, const NoiseSchedule& schedule, const TrainingSet& set,
                  const TrainOptions& options, std::uint64_t seed, const std::filesystem::path& file,
                  const std::string& identity, double checkpoint_seconds,
                  const std::function<void(std::int64_t, double)>& progress) {
  check_fit(network, set, options);
  GaussianProcessOptions process_options;
  if (options.loss == DenoisingObjective::hybrid) process_options.variance = VarianceType::learned_range;
  const std::optional<GaussianProcess> process =
      plain(options) ? std::nullopt : std::optional<GaussianProcess>(std::in_place, schedule, process_options);
  const std::unique_ptr<TimestepSampler> sampler = make_timestep_sampler(options.timestep_sampler, schedule.steps());
  ResumableTraining training(network.parameters(), WeightAverage::ema, options.steps,
                             {file, identity, checkpoint_seconds},
                             {[&](SafetensorsWriter& state) { sampler->save(state); },
                              [&](const SafetensorsFile& state) { sampler->load(state); }});

  EpochOrder order(set.images.size(0), seed);
  while (!training.finished()) {
    const std::int64_t done = training.step();
    const Batch batch = draw_batch(set, schedule, options, *sampler, seed, done, order);
    const std::uint64_t dropout_seed = RandomStream(seed, Purpose::augment, static_cast<std::uint64_t>(done)).bits64();
    const Condition condition = batch.condition.defined() && network.has_null_condition()
                                    ? network.drop_condition(batch.condition, batch.drop)
                                    : batch.condition;
    const ModelFunction model = [&](const at::Tensor& x, const at::Tensor& timesteps) {
      return network.predict_in_training(x, timesteps, condition, dropout_seed);
    };
    at::Tensor loss;
    if (plain(options)) {
      const at::Tensor x = batch.signal * batch.x0 + batch.noise_scale * batch.noise;
      const at::Tensor target =
          prediction_target(network.prediction(), batch.x0, batch.noise, batch.signal, batch.noise_scale);
      loss = (model(x, batch.timesteps) - target).square().mean();
    } else {
      const at::Tensor each = training_losses(*process, model, batch.x0, batch.timesteps, batch.noise).loss;
      const at::Tensor host = each.detach().to(at::kCPU, at::kDouble).contiguous();
      sampler->update(batch.steps, {host.const_data_ptr<double>(), host.const_data_ptr<double>() + host.numel()});
      loss = (each * batch.weight).mean();
    }
    training.backward(loss);

    AdamWStep step;
    const double warm =
        options.warmup_steps == 0
            ? 1.0
            : std::min(1.0, 1e-6 + (1 - 1e-6) * static_cast<double>(done) / static_cast<double>(options.warmup_steps));
    step.learning_rate = options.learning_rate * warm;
    step.beta1 = options.beta1;
    step.beta2 = options.beta2;
    step.weight_decay = options.weight_decay;
    step.ema_decay = std::min(options.ema_decay, static_cast<double>(1 + done) / static_cast<double>(10 + done));
    const double value = training.descend(step);
    training.save_when_due();
    if (progress) progress(training.step(), value);
  }
  return training.finish();
}

void load_checkpoint(TrainableDenoiser& network, const std::filesystem::path& file, CheckpointWeights weights,
                     const std::string& identity) {
  const SafetensorsFile checkpoint(file);
  check_checkpoint_identity(checkpoint, identity);
  network.parameters().load_partly(checkpoint, weights == CheckpointWeights::ema ? "ema." : "model.");
}

}  // namespace assay
