#include "reproductions/ed_dpm/study.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <cstring>
#include <functional>
#include <utility>

#include "core/error.h"
#include "core/hash.h"

namespace assay::ed_dpm {
namespace {

std::string labels_hash(const std::vector<std::int64_t>& labels) {
  Hasher hasher;
  hasher.values(std::span<const std::int64_t>(labels));
  return hasher.hex();
}

/// What every product of this method depends on, whatever it is.
nlohmann::json identity_of(const Study& s, const std::string& what) {
  return {{"what", "ed_dpm " + what},
          {"schedule", {s.config.schedule.name, s.config.schedule.steps()}},
          {"dataset", s.run.dataset().hash()},
          {"device", s.run.device().is_cpu() ? "cpu" : "cuda"},
          {"seed", s.run.seed()}};
}

/// What this process did of a training.
struct Trained {
  std::int64_t first_step, steps;
  double seconds;
};

/// Runs `make` in a stage of its own unless the checkpoint that `identity` names is there, and returns it.
std::filesystem::path trained(
    Study& s, const std::string& kind, const std::string& name, const nlohmann::json& identity, std::int64_t steps,
    std::int64_t batch, std::int64_t parameters,
    const std::function<Trained(const std::filesystem::path&, const std::function<void(std::int64_t)>&)>& make) {
  std::filesystem::path file;
  s.run.stage("train:" + name, [&](StageOutput& out) {
    file = s.run.product(kind, identity, [&](const std::filesystem::path& target) {
      const Trained report = make(target, s.run.progress("train " + name, steps, "steps"));
      out.timings.push_back({"train_step",
                             name,
                             fmt::format("{}x3x{}x{}", batch, s.config.dataset.size, s.config.dataset.size),
                             report.seconds,
                             report.steps * batch,
                             "images",
                             {}});
      if (report.first_step > 0)
        out.notes.push_back(
            fmt::format("training of {} went on from step {}; its timing covers the rest", name, report.first_step));
    });
    if (out.timings.empty()) out.notes.push_back(fmt::format("{}: trained before, taken from the cache", name));
    out.artifacts.push_back({name, "checkpoint", file, {{"parameters", parameters}}});
  });
  if (file.empty())
    file = s.run.product(kind, identity, [&](const std::filesystem::path& target) {
      throw InputError(
          fmt::format("{}: the checkpoint of a finished stage is gone; run anew without --resume", target.string()));
    });
  return file;
}

}  // namespace

Study::Study(Run& r, Config c)
    : run(r),
      config(std::move(c)),
      train(load_images(r.dataset(), Split::train)),
      validation(load_images(r.dataset(), Split::validation)),
      classes(static_cast<std::int64_t>(config.label == LabelKind::group ? r.dataset().groups().size()
                                                                         : r.dataset().subgroups().size())) {}

Study::Study(const Study& whole, Run& part)
    : run(part), config(whole.config), train(whole.train), validation(whole.validation), classes(whole.classes) {}

std::string name_of(Diffusion diffusion) { return diffusion == Diffusion::conditional ? "cond" : "uncond"; }

std::unique_ptr<UNet> diffusion_network(Study& s, Diffusion diffusion) {
  const bool conditional = diffusion == Diffusion::conditional;
  const std::string name = name_of(diffusion);
  UNetConfig config = s.config.unet;
  if (conditional) config.num_classes = s.classes;
  const std::vector<std::int64_t>& labels = s.labels(s.train);
  nlohmann::json identity = identity_of(s, "diffusion network");
  identity["unet"] = to_json(config);
  identity["train"] = to_json(s.config.train);
  if (conditional) identity["labels"] = labels_hash(labels);

  auto net = std::make_unique<UNet>(config);
  net->parameters().materialise(s.run.seed(), s.run.device());
  const auto file = trained(
      s, "denoiser", name, identity, s.config.train.steps, s.config.train.batch, net->parameters().trainable_count(),
      [&](const std::filesystem::path& target, const std::function<void(std::int64_t)>& progress) {
        TrainingSet set{s.train.images.to(s.run.device()), {}};
        if (conditional) set.blocks.push_back({"label", s.classes, labels});
        const TrainReport report =
            assay::train(*net, s.config.schedule, set, s.config.train, s.run.seed(), target, identity.dump(),
                         s.run.checkpoint_seconds(), [&](std::int64_t step, double) { progress(step); });
        return Trained{report.first_step, report.steps, report.seconds};
      });
  load_checkpoint(*net, file, CheckpointWeights::ema, identity.dump());
  return net;
}

std::unique_ptr<EncoderUNet> noisy_classifier(Study& s, double constraint) {
  const std::string name = constraint > 0 ? "classifier_ect" : "classifier";
  EncoderUNetConfig config = s.config.classifier;
  config.out_channels = s.classes;
  ClassifierTrainOptions options = s.config.classifier_train;
  options.entropy_weight = constraint;
  const std::vector<std::int64_t>& labels = s.labels(s.train);
  nlohmann::json identity = identity_of(s, "classifier");
  identity["classifier"] = to_json(config);
  identity["train"] = to_json(options);
  identity["labels"] = labels_hash(labels);

  auto net = std::make_unique<EncoderUNet>(config);
  net->parameters().materialise(s.run.seed(), s.run.device());
  const auto file =
      trained(s, "noisy-classifier", name, identity, options.steps, options.batch, net->parameters().trainable_count(),
              [&](const std::filesystem::path& target, const std::function<void(std::int64_t)>& progress) {
                const ClassifierTrainReport report = train_classifier(
                    *net, s.config.schedule, {s.train.images.to(s.run.device()), labels}, options, s.run.seed(), target,
                    identity.dump(), s.run.checkpoint_seconds(), [&](std::int64_t step, double) { progress(step); });
                return Trained{report.first_step, report.steps, report.seconds};
              });
  load_classifier(*net, file, identity.dump());
  return net;
}

GaussianProcess sampling_process(const Config& config) {
  GaussianProcessOptions options;
  options.variance = VarianceType::learned_range;
  options.respacing = config.sample.respacing;
  return {config.schedule, options};
}

PassShape passes_of(const Study& s) { return passes_of_small_network(s.run.device(), s.config.sample.batch); }

at::Tensor label_tensor(const Study& s, const std::vector<std::int64_t>& labels) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(labels.size())}, at::kLong);
  std::memcpy(tensor.mutable_data_ptr<std::int64_t>(), labels.data(), labels.size() * sizeof(std::int64_t));
  return tensor.to(s.run.device());
}

}  // namespace assay::ed_dpm
