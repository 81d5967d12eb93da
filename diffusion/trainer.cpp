#include "diffusion/trainer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>

#include "core/config.h"
#include "core/elapsed.h"
#include "core/error.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "diffusion/gaussian_process.h"
#include "diffusion/step_sampler.h"
#include "diffusion/variational_bound.h"
#include "kernels/adamw_step.h"

namespace assay {
namespace {

constexpr std::int64_t loss_points = 100;

const char* name_of(DenoisingObjective loss) { return loss == DenoisingObjective::hybrid ? "hybrid" : "mse"; }

/// The training state beside the weights.
struct OptimiserState {
  at::Tensor first, second, ema;
  std::int64_t step = 0;
  std::vector<double> loss_sum;
  std::unique_ptr<StepSampler> sampler;
};

std::int64_t loss_point(std::int64_t step, std::int64_t steps) { return step * loss_points / steps; }

void save_state(const UNet& network, const OptimiserState* state, const at::Tensor& ema, const std::string& identity,
                const std::vector<double>& loss, const std::filesystem::path& file) {
  SafetensorsWriter writer;
  network.parameters().save(writer, "model.");
  network.parameters().save(writer, "ema.", ema);
  writer.add_metadata("identity", identity);
  writer.add_metadata("loss", nlohmann::json(loss).dump());
  if (state) {
    writer.add_metadata("step", std::to_string(state->step));
    state->sampler->save(writer);
    for (const auto& [name, tensor] :
         {std::pair("optimizer.first", state->first), {"optimizer.second", state->second}}) {
      const at::Tensor host = tensor.to(at::kCPU);
      writer.add(name, {host.numel()}, std::span(host.const_data_ptr<float>(), static_cast<std::size_t>(host.numel())));
    }
  }
  writer.write(file);
}

std::string metadata(const SafetensorsFile& file, const std::string& key) {
  const auto it = file.metadata().find(key);
  if (it == file.metadata().end())
    throw InputError(fmt::format("{}: not a checkpoint of ours: no '{}'", file.path(), key));
  return it->second;
}

at::Tensor vector_from(const SafetensorsFile& file, const std::string& name, const at::Tensor& like) {
  const auto values = file.at(name).f32(name);
  if (static_cast<std::int64_t>(values.size()) != like.numel())
    throw InputError(
        fmt::format("{}: '{}' has {} values, expected {}", file.path(), name, values.size(), like.numel()));
  at::Tensor host = at::empty({like.numel()}, at::kFloat);
  std::memcpy(host.mutable_data_ptr<float>(), values.data(), values.size_bytes());
  return host.to(like.device());
}

void check_identity(const SafetensorsFile& file, const std::string& identity) {
  if (!identity.empty() && metadata(file, "identity") != identity)
    throw InputError(
        fmt::format("{}: was trained with another configuration; remove it or choose another place", file.path()));
}

OptimiserState resume(UNet& network, const std::filesystem::path& partial, const std::string& identity,
                      std::unique_ptr<StepSampler> sampler) {
  const SafetensorsFile file(partial);
  check_identity(file, identity);
  OptimiserState state;
  state.sampler = std::move(sampler);
  state.sampler->load(file);
  // Loading the average first leaves it in the flat buffer, from where it is copied out.
  network.parameters().load_partly(file, "ema.");
  state.ema = network.parameters().flat().clone();
  network.parameters().load_partly(file, "model.");
  state.first = vector_from(file, "optimizer.first", state.ema);
  state.second = vector_from(file, "optimizer.second", state.ema);
  try {
    state.step = nlohmann::json::parse(metadata(file, "step")).get<std::int64_t>();
    state.loss_sum = nlohmann::json::parse(metadata(file, "loss")).get<std::vector<double>>();
  } catch (const nlohmann::json::exception&) {
    throw InputError(fmt::format("{}: its step or loss is unreadable; remove it to train anew", file.path()));
  }
  if (state.step < 0 || state.loss_sum.size() != loss_points)
    throw InputError(fmt::format("{}: its step or loss is out of range; remove it to train anew", file.path()));
  return state;
}

/// The tensors of one training batch.
struct Batch {
  at::Tensor x0, noise, timesteps, signal, noise_scale, condition, drop;
  at::Tensor weight;  // importance of each example
  std::vector<std::int64_t> steps;
};

/// Draws the batch of `step`; every example has its own stream.
Batch draw_batch(const TrainingSet& set, const NoiseSchedule& schedule, const TrainOptions& options,
                 const StepSampler& sampler, std::uint64_t seed, std::int64_t step,
                 std::vector<std::int64_t>& epoch_order, std::int64_t& epoch) {
  const std::int64_t n = set.images.size(0), size = options.batch;
  const std::int64_t pixels = set.images.numel() / n;
  const at::Tensor index = at::empty({size}, at::kLong), timesteps = at::empty({size}, at::kLong);
  const at::Tensor signal = at::empty({size, 1, 1, 1}, at::kFloat), scale = at::empty({size, 1, 1, 1}, at::kFloat);
  const at::Tensor drop = at::empty({size}, at::kBool), weight = at::empty({size}, at::kFloat);
  std::vector<std::int64_t> steps;
  const at::Tensor noise = at::empty({size, set.images.size(1), set.images.size(2), set.images.size(3)}, at::kFloat);
  std::int64_t width = 0;
  for (const ConditionBlock& block : set.blocks) width += block.classes;
  at::Tensor condition;
  if (width > 0) condition = at::zeros({size, width}, at::kFloat);

  for (std::int64_t i = 0; i < size; ++i) {
    const std::int64_t example = step * size + i;
    if (example / n != epoch) {
      epoch = example / n;
      RandomStream order(seed, Purpose::order, static_cast<std::uint64_t>(epoch));
      epoch_order = permutation(n, order);
    }
    const std::int64_t image = epoch_order[static_cast<std::size_t>(example % n)];
    RandomStream random(seed, Purpose::training, static_cast<std::uint64_t>(example));
    const auto [t, importance] = sampler.draw(random);
    const bool dropped = random.uniform() < options.condition_dropout;
    if (width > 0) {
      const std::size_t chosen = random.below(set.blocks.size());
      std::int64_t offset = 0;
      for (std::size_t b = 0; b < chosen; ++b) offset += set.blocks[b].classes;
      condition
          .mutable_data_ptr<float>()[i * width + offset + set.blocks[chosen].ids[static_cast<std::size_t>(image)]] = 1;
    }
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
  return {at::index_select(set.images, 0, index.to(device)),
          noise.to(device),
          timesteps.to(device),
          signal.to(device),
          scale.to(device),
          condition.defined() ? condition.to(device) : condition,
          drop.to(device),
          weight.to(device),
          std::move(steps)};
}

void check_fit(const UNet& network, const TrainingSet& set, const TrainOptions& options) {
  const std::int64_t channels = set.images.size(1), given = network.config().out_channels;
  const std::int64_t needed = options.loss == DenoisingObjective::hybrid ? 2 * channels : channels;
  if (given != needed)
    throw InputError(fmt::format("training: loss {} on images of {} channels needs out_channels {}, the network has {}",
                                 name_of(options.loss), channels, needed, given));
  if (!network.config().num_classes) return;
  const std::int64_t classes = *network.config().num_classes;
  if (set.blocks.size() != 1 || set.blocks[0].classes != classes)
    throw InputError(fmt::format(
        "training: a network of {} classes takes them from one condition of {} classes; the set has {} conditions{}",
        classes, classes, set.blocks.size(),
        set.blocks.size() == 1 ? fmt::format(", of {} classes", set.blocks[0].classes) : ""));
  if (options.condition_dropout != 0)
    throw InputError(fmt::format(
        "training: condition_dropout {} on a class-conditional network, which has no null class; accepted: 0",
        options.condition_dropout));
}

}  // namespace

at::Tensor one_hot_condition(const std::vector<ConditionBlock>& blocks, std::size_t block,
                             const std::vector<std::int64_t>& ids) {
  std::int64_t width = 0, offset = 0;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (b == block) offset = width;
    width += blocks[b].classes;
  }
  at::Tensor rows = at::zeros({static_cast<std::int64_t>(ids.size()), width}, at::kFloat);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= blocks[block].classes)
      throw InputError(fmt::format("condition '{}': class {} is out of range; accepted: 0 to {}", blocks[block].name,
                                   ids[i], blocks[block].classes - 1));
    rows.mutable_data_ptr<float>()[static_cast<std::int64_t>(i) * width + offset + ids[i]] = 1;
  }
  return rows;
}

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
  o.loss = reader.one_of("loss", name_of(o.loss), {"mse", "hybrid"}) == "hybrid" ? DenoisingObjective::hybrid
                                                                                 : DenoisingObjective::mse;
  o.step_sampler = reader.one_of("step_sampler", o.step_sampler, step_sampler_names());
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
          {"loss", name_of(o.loss)},
          {"step_sampler", o.step_sampler}};
}

TrainReport train(UNet& network, const NoiseSchedule& schedule, const TrainingSet& set, const TrainOptions& options,
                  std::uint64_t seed, const std::filesystem::path& file, const std::string& identity,
                  double checkpoint_seconds, const std::function<void(std::int64_t, double)>& progress) {
  check_fit(network, set, options);
  GaussianProcessOptions process_options;
  if (options.loss == DenoisingObjective::hybrid) process_options.variance = VarianceType::learned_range;
  const bool plain = options.loss == DenoisingObjective::mse && options.step_sampler == "uniform";
  const std::optional<GaussianProcess> process =
      plain ? std::nullopt : std::optional<GaussianProcess>(std::in_place, schedule, process_options);
  const std::filesystem::path partial = file.string() + ".partial";
  Parameters& parameters = network.parameters();
  OptimiserState state;
  auto sampler = make_step_sampler(options.step_sampler, schedule.steps());
  if (std::filesystem::exists(partial)) {
    state = resume(network, partial, identity, std::move(sampler));
  } else {
    state.sampler = std::move(sampler);
    state.ema = parameters.flat().clone();
    state.first = at::zeros_like(state.ema);
    state.second = at::zeros_like(state.ema);
    state.loss_sum.assign(loss_points, 0.0);
  }
  parameters.require_gradients();

  TrainReport report;
  report.first_step = state.step;
  const auto start = std::chrono::steady_clock::now();
  auto saved = start;
  std::vector<std::int64_t> epoch_order;
  std::int64_t epoch = -1;
  for (; state.step < options.steps; ++state.step) {
    const Batch batch = draw_batch(set, schedule, options, *state.sampler, seed, state.step, epoch_order, epoch);
    const std::uint64_t dropout_seed =
        RandomStream(seed, Purpose::augment, static_cast<std::uint64_t>(state.step)).bits64();
    const bool classes = network.config().num_classes.has_value();
    const ModelFunction model = [&](const at::Tensor& x, const at::Tensor& timesteps) {
      if (classes) return network.forward(x, timesteps, batch.condition.argmax(1), {}, dropout_seed);
      const at::Tensor condition =
          batch.condition.defined() ? network.drop_condition(batch.condition, batch.drop) : batch.condition;
      return network.forward(x, timesteps, {}, condition, dropout_seed);
    };
    at::Tensor loss;
    if (plain) {
      const at::Tensor x = batch.signal * batch.x0 + batch.noise_scale * batch.noise;
      loss = (model(x, batch.timesteps) - batch.noise).square().mean();
    } else {
      const at::Tensor each = training_losses(*process, model, batch.x0, batch.timesteps, batch.noise).loss;
      const at::Tensor host = each.detach().to(at::kCPU, at::kDouble).contiguous();
      state.sampler->update(batch.steps, {host.const_data_ptr<double>(), host.const_data_ptr<double>() + host.numel()});
      loss = (each * batch.weight).mean();
    }
    parameters.flat_gradient().zero_();
    loss.backward();

    AdamWStep step;
    step.step = state.step + 1;
    const double warm = options.warmup_steps == 0 ? 1.0
                                                  : std::min(1.0, 1e-6 + (1 - 1e-6) * static_cast<double>(state.step) /
                                                                             static_cast<double>(options.warmup_steps));
    step.learning_rate = options.learning_rate * warm;
    step.beta1 = options.beta1;
    step.beta2 = options.beta2;
    step.weight_decay = options.weight_decay;
    step.ema_decay =
        std::min(options.ema_decay, static_cast<double>(1 + state.step) / static_cast<double>(10 + state.step));
    {
      at::NoGradGuard no_grad;
      adamw_step(parameters.flat(), parameters.flat_gradient(), state.first, state.second, state.ema, step);
    }

    const double value = loss.item<double>();
    if (!std::isfinite(value)) throw Error(fmt::format("training: the loss is {} at step {}", value, state.step));
    state.loss_sum[static_cast<std::size_t>(loss_point(state.step, options.steps))] += value;
    const auto now = std::chrono::steady_clock::now();
    if (std::chrono::duration<double>(now - saved).count() >= checkpoint_seconds && state.step + 1 < options.steps) {
      ++state.step;
      save_state(network, &state, state.ema, identity, state.loss_sum, partial);
      --state.step;
      saved = std::chrono::steady_clock::now();
    }
    if (progress) progress(state.step + 1, value);
  }

  report.steps = state.step - report.first_step;
  report.seconds = seconds_since(start);
  std::vector<std::int64_t> counts(loss_points, 0);
  for (std::int64_t s = 0; s < options.steps; ++s) ++counts[static_cast<std::size_t>(loss_point(s, options.steps))];
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) report.loss.push_back(state.loss_sum[i] / static_cast<double>(counts[i]));
  save_state(network, nullptr, state.ema, identity, report.loss, file);
  std::filesystem::remove(partial);
  return report;
}

void load_checkpoint(UNet& network, const std::filesystem::path& file, CheckpointWeights weights,
                     const std::string& identity) {
  const SafetensorsFile checkpoint(file);
  check_identity(checkpoint, identity);
  network.parameters().load_partly(checkpoint, weights == CheckpointWeights::ema ? "ema." : "model.");
}

}  // namespace assay
