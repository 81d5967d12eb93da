#include "reproductions/text_model.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "core/config.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/safetensors.h"
#include "diffusion/networks/sd/text_to_image_folder.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "diffusion/text/byte_pairs.h"
#include "diffusion/training/checkpoint.h"
#include "reproductions/samples/prompt_template.h"
#include "reproductions/trained.h"

namespace assay {
namespace {

constexpr const char* what_it_is = "text-to-image model";

std::unique_ptr<TextToImage> model_of(TextToImageConfig config, ClipTokenizer tokenizer) {
  nlohmann::json& text = config.text_encoder;
  text["vocab_size"] = tokenizer.vocabulary_size();
  text["max_position_embeddings"] = tokenizer.length();
  text["bos_token_id"] = tokenizer.begin_id();
  text["eos_token_id"] = tokenizer.end_id();
  text["pad_token_id"] = tokenizer.pad_id();
  return std::make_unique<TextToImage>(config, std::move(tokenizer));
}

/// Everything that the weights depend on, and all that is needed to load them.
nlohmann::json identity_of(const TextModelOptions& options, const Merges& merges,
                           const std::vector<std::string>& captions, const std::string& data, at::Device device,
                           std::uint64_t seed) {
  nlohmann::json pieces = nlohmann::json::array();
  for (const auto& [left, right] : merges) pieces.push_back({left, right});
  Hasher hasher;
  for (const std::string& caption : captions) hasher.text(caption);
  return {{"what", what_it_is},
          {"unet", options.network.unet},
          {"text_encoder", options.network.text_encoder},
          {"scheduler", options.network.scheduler},
          {"vocabulary", {{"merges", pieces}, {"length", options.length}}},
          {"templates", options.templates},
          {"train", to_json(options.train)},
          {"dataset", data},
          {"captions", hasher.hex()},
          {"device", device.is_cpu() ? "cpu" : "cuda"},
          {"seed", seed}};
}

/// A training, as a run and its stages need it.
class TextModelTraining {
 public:
  TextModelTraining(Run& run, const TextModelOptions& options, const LabelledImages& images, std::uint64_t seed)
      : run_(run), options_(options), images_(images), seed_(seed) {
    const Merges merges = learn_merges(images.captions, options.merges);
    identity_ = identity_of(options, merges, images.captions, run.dataset().hash(), run.device(), seed);
    model_ = model_of(options.network, ClipTokenizer(clip_vocabulary_of(merges, options.length)));
  }

  Training described(const std::string& name) const {
    return {.name = name,
            .kind = text_model_kind,
            .identity = identity_,
            .artifact = "text model " + name,
            .loss = identity_.at("train").at("loss"),
            .parameters = model_->parameters().trainable_count(),
            .steps = options_.train.steps,
            .batch = options_.train.batch,
            .side = images_.images.size(3)};
  }

  TrainReport into(const std::filesystem::path& file, const std::function<void(std::int64_t, double)>& progress) {
    model_->parameters().materialise(seed_, run_.device());
    return train(
        *model_, schedule_of_config(options_.network.scheduler, "scheduler"),
        {images_.images.to(run_.device()), caption_blocks(model_->tokenizer(), options_.templates, images_.captions)},
        options_.train, seed_, file, identity_.dump(), run_.checkpoint_seconds(), progress);
  }

 private:
  Run& run_;
  const TextModelOptions& options_;
  const LabelledImages& images_;
  std::uint64_t seed_;
  nlohmann::json identity_;
  std::unique_ptr<TextToImage> model_;
};

}  // namespace

TextModelOptions read_text_model_options(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  TextModelOptions o;
  o.network = {.unet = reader.object("unet"),
               .text_encoder = reader.object("text_encoder"),
               .scheduler = reader.object("scheduler"),
               .where = where + "."};
  const nlohmann::json& vocabulary = reader.object("vocabulary");
  ConfigReader of_vocabulary(vocabulary, where + ".vocabulary");
  o.merges = of_vocabulary.integer("merges", o.merges, 0, 1 << 16);
  o.length = of_vocabulary.integer("length", o.length, 4, 1 << 10);
  of_vocabulary.finish();
  o.templates = read_templates(reader, "templates", {"a photo of a {}"});
  o.train = read_train_options(reader.object("train"), where + ".train");
  o.weights = reader.choice("weights", o.weights, checkpoint_weights_names);
  reader.finish();
  schedule_of_config(o.network.scheduler, where + ".scheduler");
  scheduler_of_config(o.network.scheduler, where + ".scheduler");
  make_text_model(o, {"a"});
  return o;
}

std::unique_ptr<TextToImage> make_text_model(const TextModelOptions& options,
                                             const std::vector<std::string>& captions) {
  return model_of(options.network,
                  ClipTokenizer(clip_vocabulary_of(learn_merges(captions, options.merges), options.length)));
}

std::vector<ConditionBlock> caption_blocks(const ClipTokenizer& tokenizer, const std::vector<std::string>& templates,
                                           const std::vector<std::string>& captions) {
  std::vector<ConditionBlock> blocks;
  blocks.reserve(templates.size());
  const std::int64_t length = tokenizer.length();
  for (const std::string& text : templates) {
    ConditionBlock block;
    block.name = text;
    block.text = at::empty({static_cast<std::int64_t>(captions.size()), length}, at::kLong);
    auto* row = block.text.mutable_data_ptr<std::int64_t>();
    for (const std::string& caption : captions) {
      const std::vector<std::int64_t> ids = tokenizer.encode(filled_template(text, caption)).ids;
      row = std::copy(ids.begin(), ids.end(), row);
    }
    blocks.push_back(std::move(block));
  }
  return blocks;
}

std::filesystem::path trained_text_model(Run& run, const std::string& name, const TextModelOptions& options,
                                         const LabelledImages& images, std::uint64_t seed) {
  TextModelTraining training(run, options, images, seed);
  return trained(run, training.described(name), [&](const std::filesystem::path& file, const auto& progress) {
    return training.into(file, progress);
  });
}

std::filesystem::path shared_text_model(Run& run, const TextModelOptions& options, const LabelledImages& images,
                                        std::uint64_t seed) {
  TextModelTraining training(run, options, images, seed);
  const Training described = training.described("text model");
  return run.product(described.kind, described.identity, [&](const std::filesystem::path& file) {
    const auto progress = run.progress("train text model", options.train.steps, "steps");
    training.into(file, [&](std::int64_t step, double) { progress(step); });
  });
}

nlohmann::json text_model_identity(const TextModelOptions& options, const std::vector<std::string>& captions,
                                   const std::string& dataset_hash, at::Device device, std::uint64_t seed) {
  return identity_of(options, learn_merges(captions, options.merges), captions, dataset_hash, device, seed);
}

std::unique_ptr<TextToImage> load_text_model(const std::filesystem::path& checkpoint, CheckpointWeights weights,
                                             at::ScalarType type, at::Device device) {
  const auto file = std::make_shared<const SafetensorsFile>(checkpoint);
  const std::string text = checkpoint_metadata(*file, "identity");
  std::unique_ptr<TextToImage> model;
  try {
    const nlohmann::json identity = nlohmann::json::parse(text);
    if (identity.at("what") != what_it_is)
      throw InputError(
          fmt::format("{}: is of a {}; accepted: of a {}", file->path(), identity.at("what").dump(), what_it_is));
    Merges merges;
    for (const nlohmann::json& pair : identity.at("vocabulary").at("merges"))
      merges.emplace_back(pair.at(0).get<std::string>(), pair.at(1).get<std::string>());
    const auto length = identity.at("vocabulary").at("length").get<std::int64_t>();
    model = model_of({.unet = identity.at("unet"),
                      .text_encoder = identity.at("text_encoder"),
                      .scheduler = identity.at("scheduler"),
                      .where = file->path() + ": "},
                     ClipTokenizer(clip_vocabulary_of(std::move(merges), length)));
  } catch (const nlohmann::json::exception&) {
    throw InputError(fmt::format("{}: what it says of its model is unreadable; accepted: a checkpoint of a {}",
                                 file->path(), what_it_is));
  }
  const std::string prefix = weights == CheckpointWeights::ema ? "ema." : "model.";
  model->set_text_identity(text_identity_of(*file, prefix + TextToImage::text_prefix));
  model->parameters().load_to_predict(file, {prefix, ""}, type, device);
  return model;
}

std::unique_ptr<TextToImage> open_text_model(const std::string& given, at::ScalarType type, at::Device device) {
  if (std::filesystem::is_directory(given)) return load_text_to_image(given, type, device);
  if (std::filesystem::is_regular_file(given)) return load_text_model(given, CheckpointWeights::ema, type, device);
  throw InputError(fmt::format(
      "model '{}': no such folder or file; accepted: a folder as diffusers writes it (model_index.json, "
      "unet/, text_encoder/, tokenizer/, scheduler/, vae/), or the checkpoint of a text model that `assay "
      "run` trained (cache/text-model-*.safetensors beside its store; `assay draw` takes METHOD:TIER for it, such as "
      "class_tokens:mini)",
      given));
}

}  // namespace assay
