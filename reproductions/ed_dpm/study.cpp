#include "reproductions/ed_dpm/study.h"

#include <utility>

#include "core/hash.h"
#include "reproductions/trained.h"

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

}  // namespace

Study::Study(Run& r, Config c)
    : run(r),
      config(std::move(c)),
      train(load_images(r.dataset(), Split::train)),
      validation(load_images(r.dataset(), Split::validation)),
      classes(label_count(r.dataset(), config.label)) {}

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
  const Training training = {.name = name,
                             .kind = "denoiser",
                             .identity = identity,
                             .artifact = name,
                             .loss = identity.at("train").at("loss"),
                             .parameters = net->parameters().trainable_count(),
                             .steps = s.config.train.steps,
                             .batch = s.config.train.batch,
                             .side = s.config.dataset.size};
  const auto file = trained(s.run, training, [&](const std::filesystem::path& target, const auto& progress) {
    TrainingSet set{s.train.images.to(s.run.device()), {}};
    if (conditional) set.blocks.push_back({"label", s.classes, labels});
    return assay::train(*net, s.config.schedule, set, s.config.train, s.run.seed(), target, identity.dump(),
                        s.run.checkpoint_seconds(), progress);
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
  const Training training = {.name = name,
                             .kind = "noisy-classifier",
                             .identity = identity,
                             .artifact = name,
                             .loss = "cross entropy",
                             .parameters = net->parameters().trainable_count(),
                             .steps = options.steps,
                             .batch = options.batch,
                             .side = s.config.dataset.size};
  const auto file = trained(s.run, training, [&](const std::filesystem::path& target, const auto& progress) {
    return train_classifier(*net, s.config.schedule, {s.train.images.to(s.run.device()), labels}, options, s.run.seed(),
                            target, identity.dump(), s.run.checkpoint_seconds(), progress);
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

}  // namespace assay::ed_dpm
