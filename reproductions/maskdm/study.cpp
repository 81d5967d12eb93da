#include "reproductions/maskdm/study.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include <span>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/safetensors.h"
#include "diffusion/training/checkpoint.h"
#include "kernels/host_tensor.h"
#include "reproductions/trained.h"

namespace assay::maskdm {
namespace {

/// What the weights after the last of these phases depend on.
nlohmann::json identity_of(const Study& s, const std::vector<PlannedPhase>& phases, std::size_t count) {
  nlohmann::json seen = nlohmann::json::array();
  for (std::size_t i = 0; i < count; ++i)
    seen.push_back({{"options", to_json(phases[i].options)}, {"images", phases[i].images->hash}});
  return {{"what", "maskdm stage"},
          {"network", to_json(s.config.network)},
          {"optimizer", to_json(s.config.optimizer)},
          {"schedule", {s.config.schedule.name, s.config.schedule.steps}},
          {"stages", seen},
          {"snapshots", phases[count - 1].snapshots},
          {"device", s.run.device().is_cpu() ? "cpu" : "cuda"},
          {"seed", s.run.seed()}};
}

std::string in_words(const MaskOptions& mask) {
  switch (mask.kind) {
    case MaskOptions::Kind::none:
      return "nothing hidden";
    case MaskOptions::Kind::patch:
      return fmt::format("{} of the patches hidden", mask.rate);
    case MaskOptions::Kind::block:
      return fmt::format("{} hidden in blocks of {}", mask.rate, mask.block);
    case MaskOptions::Kind::crop:
      return fmt::format("a window of {} patches a side", mask.crop);
  }
  throw Error("maskdm: a mask without words");
}

/// The mean of each hundredth of the steps.
std::vector<double> means_of(const std::vector<float>& losses) {
  LossCurve curve(static_cast<std::int64_t>(losses.size()));
  for (std::size_t i = 0; i < losses.size(); ++i) curve.add(static_cast<std::int64_t>(i), losses[i]);
  return curve.means();
}

}  // namespace

Study::Study(Run& r, Config c)
    : run(r),
      config(std::move(c)),
      process(config.schedule.name, config.schedule.steps),
      train(load_images(r.dataset(), Split::train)),
      validation(load_images(r.dataset(), Split::validation)) {}

ImageSet all_training_images(const Study& s) { return {s.run.dataset().hash(), s.train.images}; }

ImageSet chosen_images(const Study& s, const std::vector<std::int64_t>& rows) {
  Hasher hasher;
  hasher.text(s.run.dataset().hash()).values(std::span<const std::int64_t>(rows));
  return {hasher.hex(), rows_of(s.train.images, rows)};
}

std::unique_ptr<MaskUVit> make_network(const Study& s) {
  auto network = std::make_unique<MaskUVit>(s.config.network);
  network->parameters().materialise(s.run.seed(), s.run.device());
  return network;
}

std::vector<FinishedPhase> train_phases(Study& s, const std::string& name, const std::vector<PlannedPhase>& phases) {
  std::vector<FinishedPhase> finished;
  std::vector<bool> trained_here(phases.size(), false);
  std::int64_t first_example = 0;
  for (std::size_t k = 0; k < phases.size(); ++k) {
    const PlannedPhase& phase = phases[k];
    const std::string identity = identity_of(s, phases, k + 1).dump();
    const std::filesystem::path file =
        s.run.product("maskdm", nlohmann::json::parse(identity), [&](const std::filesystem::path& out) {
          const auto network = make_network(s);
          // Online weights, not their average, as published.
          if (k > 0) network->parameters().load_partly(SafetensorsFile(finished[k - 1].file), "model.");
          const TrainingImages images = images_in_memory(phase.images->images);
          PhaseRun run{s.process, images, s.config.optimizer, s.run.seed(), first_example, phase.snapshots};
          run.checkpoint_seconds = s.run.checkpoint_seconds();
          run.progress =
              s.run.progress(fmt::format("train {} {}/{}", name, k + 1, phases.size()), phase.options.steps, "steps");
          train_phase(*network, phase.options, run, out, identity);
          trained_here[k] = true;
        });
    finished.push_back({file, read_phase(file, identity)});
    first_example += phase.options.steps * phase.options.batch;
    if (finished.back().trained.diverged_at) break;
  }
  s.run.stage("train:" + name, [&](StageOutput& out) {
    const MaskUVit network(s.config.network);
    Curve losses = loss_curve("mse");
    for (std::size_t k = 0; k < finished.size(); ++k) {
      const PhaseOptions& options = phases[k].options;
      const TrainedPhase& trained = finished[k].trained;
      const auto steps = static_cast<std::int64_t>(trained.loss.size());
      std::optional<TrainReport> done_here;
      if (trained_here[k]) done_here = {.steps = steps, .seconds = trained.seconds};
      record_training(out,
                      {.begins_note = fmt::format("{}: stage {} was", name, k + 1),
                       .name = name,
                       .variant = in_words(options.mask),
                       .batch = options.batch,
                       .side = s.config.dataset.size,
                       .flops = step_flops(network, options) * static_cast<double>(steps),
                       .checkpoint = {.name = fmt::format("weights {} {}", name, k + 1),
                                      .kind = "checkpoint",
                                      .file = finished[k].file,
                                      .meta = {{"arm", name}, {"stage", k + 1}}}},
                      done_here);
      add_losses(losses, means_of(trained.loss), steps);
      if (trained.diverged_at)
        out.notes.push_back(
            fmt::format("{}: loss or gradient was not finite at step {} of stage {}; what follows in "
                        "this chain was not trained",
                        name, *trained.diverged_at, k + 1));
    }
    if (!losses.values.empty()) out.curves.push_back(std::move(losses));
  });
  return finished;
}

PassShape passes_of(const Study& s) { return passes_of_small_network(s.run.device(), s.config.sample.batch); }

at::Tensor draw(const Study& s, const MaskUVit& network, const std::string& what) {
  const SampleConfig& sample = s.config.sample;
  return draw_images(network, s.process, {passes_of(s), sample.steps, sample.eta}, 0, sample.count, s.run.seed(),
                     s.run.progress(what, sample.count, "images"));
}

}  // namespace assay::maskdm
