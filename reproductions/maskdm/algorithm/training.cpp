#include "reproductions/maskdm/algorithm/training.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>
#include <utility>

#include "core/config.h"
#include "core/elapsed.h"
#include "core/error.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "diffusion/training/checkpoint.h"
#include "diffusion/training/epoch_order.h"
#include "diffusion/training/resumable_training.h"
#include "kernels/host_tensor.h"
#include "kernels/parallel_for.h"
#include "reproductions/maskdm/algorithm/haar.h"
#include "reproductions/maskdm/algorithm/masked_loss.h"

namespace assay::maskdm {
namespace {

constexpr const char* loss_name = "trace.loss";
constexpr const char* norm_name = "trace.gradient_norm";
constexpr const char* seconds_name = "trace.seconds";

std::string snapshot_name(std::int64_t step) { return fmt::format("snapshot.{}", step); }

void add_trace(SafetensorsWriter& writer, const char* name, const std::vector<float>& values) {
  writer.add(name, {static_cast<std::int64_t>(values.size())}, std::span<const float>(values));
}

std::vector<float> read_trace(const SafetensorsFile& file, const char* name) {
  const auto values = file.at(name).f32(name);
  return {values.begin(), values.end()};
}

/// Adds all of a phase but the weights.
void add_phase(SafetensorsWriter& writer, const TrainedPhase& phase) {
  nlohmann::json facts = {{"seconds", phase.seconds}, {"snapshots", nlohmann::json::array()}};
  if (phase.diverged_at) facts["diverged_at"] = *phase.diverged_at;
  for (const TrainedPhase::Snapshot& snapshot : phase.snapshots) {
    facts["snapshots"].push_back({{"step", snapshot.step}, {"seconds", snapshot.seconds}});
    add_checkpoint_vector(writer, snapshot_name(snapshot.step), snapshot.average);
  }
  add_trace(writer, loss_name, phase.loss);
  add_trace(writer, norm_name, phase.gradient_norm);
  add_trace(writer, seconds_name, phase.step_seconds);
  writer.add_metadata("stage", facts.dump());
}

/// What add_phase() wrote.
TrainedPhase phase_of(const SafetensorsFile& file) {
  TrainedPhase phase;
  phase.loss = read_trace(file, loss_name);
  phase.gradient_norm = read_trace(file, norm_name);
  phase.step_seconds = read_trace(file, seconds_name);
  if (phase.loss.size() != phase.gradient_norm.size() || phase.loss.size() != phase.step_seconds.size())
    throw InputError(fmt::format("{}: {} losses, {} gradient norms and {} times; remove it to train anew", file.path(),
                                 phase.loss.size(), phase.gradient_norm.size(), phase.step_seconds.size()));
  try {
    const auto facts = nlohmann::json::parse(checkpoint_metadata(file, "stage"));
    phase.seconds = facts.at("seconds").get<double>();
    if (facts.contains("diverged_at")) phase.diverged_at = facts.at("diverged_at").get<std::int64_t>();
    for (const nlohmann::json& snapshot : facts.at("snapshots")) {
      const auto step = snapshot.at("step").get<std::int64_t>();
      const std::string name = snapshot_name(step);
      const auto values = file.at(name).f32(name);
      phase.snapshots.push_back({step, snapshot.at("seconds").get<double>(), host_tensor(values)});
    }
  } catch (const nlohmann::json::exception&) {
    throw InputError(
        fmt::format("{}: what it says of the training is unreadable; remove it to train anew", file.path()));
  }
  return phase;
}

/// The tensors of one step.
struct Batch {
  at::Tensor x_start, noise, t;
  at::Tensor visible;  // undefined: nothing is hidden
};

Batch draw_batch(const MaskUVitConfig& network, const PhaseOptions& phase, const PhaseRun& run, std::int64_t first,
                 EpochOrder& order) {
  const std::int64_t size = phase.batch, channels = network.in_chans, side = network.img_size;
  const auto bands = static_cast<std::int64_t>(network.bands().size());
  const std::int64_t seen = visible_count(phase.mask, network.grid());
  std::vector<std::int64_t> images;
  images.reserve(static_cast<std::size_t>(size));
  for (std::int64_t i = 0; i < size; ++i) images.push_back(order.image(first + i));
  Batch batch{
      run.images.load(images), at::empty({size, channels, side, side}, at::kFloat), at::empty({size}, at::kLong), {}};
  const bool masked = phase.mask.kind != MaskOptions::Kind::none;
  if (masked) batch.visible = at::empty({size, bands * seen}, at::kLong);
  auto* const t = batch.t.mutable_data_ptr<std::int64_t>();
  auto* const noise = batch.noise.mutable_data_ptr<float>();
  auto* const visible = masked ? batch.visible.mutable_data_ptr<std::int64_t>() : nullptr;
  const std::int64_t values = channels * side * side;
  std::vector<char> mirrored(static_cast<std::size_t>(size), 0);
  at::parallel_for(0, size, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      RandomStream random(run.seed, Purpose::training, static_cast<std::uint64_t>(first + i));
      t[i] = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(run.process.schedule().steps())));
      mirrored[static_cast<std::size_t>(i)] = random.uniform() < phase.flip ? 1 : 0;
      random.fill_normal({noise + i * values, static_cast<std::size_t>(values)});
      for (std::int64_t band = 0; masked && band < bands; ++band) {
        const std::vector<std::int64_t> shown = draw_visible(phase.mask, network.grid(), random);
        std::transform(shown.begin(), shown.end(), visible + (i * bands + band) * seen,
                       [&](std::int64_t patch) { return patch + band * network.patches(); });
      }
    }
  });
  for (std::int64_t i = 0; i < size; ++i)
    if (mirrored[static_cast<std::size_t>(i)]) batch.x_start[i].copy_(batch.x_start[i].flip(2));
  batch.x_start = network_input(network, batch.x_start);
  return batch;
}

Batch to_device(Batch batch, at::Device device) {
  return {batch.x_start.to(device), batch.noise.to(device), batch.t.to(device),
          batch.visible.defined() ? batch.visible.to(device) : batch.visible};
}

AdamWStep scalars_of(const PhaseOptions& phase, const OptimizerOptions& optimizer, std::int64_t step,
                     double gradient_norm) {
  AdamWStep scalars;
  scalars.learning_rate =
      phase.learning_rate * (phase.warmup_steps == 0
                                 ? 1.0
                                 : std::min(1.0, static_cast<double>(step) / static_cast<double>(phase.warmup_steps)));
  scalars.beta1 = optimizer.beta1;
  scalars.beta2 = optimizer.beta2;
  scalars.weight_decay = optimizer.weight_decay;
  // As torch.nn.utils.clip_grad_norm_.
  if (phase.clip > 0) scalars.grad_scale = std::min(1.0, phase.clip / (gradient_norm + 1e-6));
  scalars.ema_decay = step % optimizer.ema_update_every == 0 ? ema_decay(step + 1, optimizer.ema_decay) : 1.0;
  return scalars;
}

}  // namespace

OptimizerOptions read_optimizer_options(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  OptimizerOptions o;
  o.beta1 = reader.real("beta1", o.beta1, 0.0, 0.9999999);
  o.beta2 = reader.real("beta2", o.beta2, 0.0, 0.9999999);
  o.weight_decay = reader.real("weight_decay", o.weight_decay, 0.0, 10.0);
  o.ema_decay = reader.real("ema_decay", o.ema_decay, 0.0, 0.9999999);
  o.ema_update_every = reader.integer("ema_update_every", o.ema_update_every, 1, 1 << 20);
  reader.finish();
  return o;
}

nlohmann::json to_json(const OptimizerOptions& o) {
  return {{"beta1", o.beta1},
          {"beta2", o.beta2},
          {"weight_decay", o.weight_decay},
          {"ema_decay", o.ema_decay},
          {"ema_update_every", o.ema_update_every}};
}

nlohmann::json to_json(const PhaseOptions& o) {
  return {{"mask", to_json(o.mask)},        {"steps", o.steps}, {"batch", o.batch}, {"learning_rate", o.learning_rate},
          {"warmup_steps", o.warmup_steps}, {"clip", o.clip},   {"flip", o.flip}};
}

double ema_decay(std::int64_t step, double ema_decay) {
  if (step <= 101) return 0.0;
  return std::clamp(1.0 - std::pow(static_cast<double>(step - 100), -2.0 / 3.0), 0.0, ema_decay);
}

TrainingImages images_in_memory(at::Tensor images) {
  const std::int64_t count = images.size(0);
  return {count,
          [images = std::move(images)](const std::vector<std::int64_t>& chosen) { return rows_of(images, chosen); }};
}

void train_phase(MaskUVit& network, const PhaseOptions& phase, const PhaseRun& run, const std::filesystem::path& file,
                 const std::string& identity) {
  if (run.images.count < 1) throw InputError("training: there are no images; accepted: at least one");
  const at::Device device = network.parameters().flat().device();
  TrainedPhase state;
  const TrainingExtras extras{[&](SafetensorsWriter& writer) { add_phase(writer, state); },
                              [&](const SafetensorsFile& partial) { state = phase_of(partial); }, true};
  ResumableTraining training(network.parameters(), WeightAverage::ema, phase.steps,
                             {file, identity, run.checkpoint_seconds}, extras);
  EpochOrder order(run.images.count, run.seed);
  while (!training.finished()) {
    const auto start = std::chrono::steady_clock::now();
    const std::int64_t step = training.step();
    const Batch batch =
        to_device(draw_batch(network.config(), phase, run, run.first_example + step * phase.batch, order), device);
    const at::Tensor loss = masked_loss(network, run.process, batch.x_start, batch.t, batch.noise, batch.visible).loss;
    training.backward(loss);
    const auto norm = at::linalg_vector_norm(network.parameters().flat_gradient()).item<double>();
    if (!std::isfinite(norm) || !std::isfinite(loss.item<double>())) {
      state.diverged_at = step;
      break;
    }
    state.loss.push_back(static_cast<float>(training.descend(scalars_of(phase, run.optimizer, step, norm))));
    state.gradient_norm.push_back(static_cast<float>(norm));
    const double seconds = seconds_since(start);
    state.step_seconds.push_back(static_cast<float>(seconds));
    state.seconds += seconds;
    if (std::binary_search(run.snapshots.begin(), run.snapshots.end(), step + 1))
      state.snapshots.push_back(
          {step + 1, state.seconds, training.average().detach().to(at::kCPU, at::kFloat, false, true)});
    training.save_when_due();
    if (run.progress) run.progress(step + 1);
  }
  training.finish();
}

TrainedPhase read_phase(const std::filesystem::path& path, const std::string& identity) {
  const SafetensorsFile file(path);
  check_checkpoint_identity(file, identity);
  return phase_of(file);
}

double step_flops(const MaskUVit& network, const PhaseOptions& phase) {
  const std::int64_t seen = visible_count(phase.mask, network.config().grid());
  return 3.0 * network.cost(seen).flops * static_cast<double>(phase.batch);
}

}  // namespace assay::maskdm
