#include "reproductions/class_tokens/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "diffusion/networks/sd/sd_configurations.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "reproductions/samples/prompt_template.h"

namespace assay::class_tokens {
namespace {

/// Whether a list is there and empty, which ConfigReader refuses: its part of the study is then left out.
bool left_out(ConfigReader& reader, const nlohmann::json& object, const std::string& key) {
  if (!object.contains(key) || object.at(key) != nlohmann::json::array()) return false;
  reader.allow(key);
  return true;
}

WordRule read_words(const nlohmann::json& object) {
  ConfigReader reader(object, "words");
  WordRule r;
  r.pairs = reader.integer("pairs", r.pairs, 1, 200);
  r.least = reader.integer("least", r.least, 1);
  r.share = reader.real("share", r.share, 0.0, 1.0);
  reader.finish();
  return r;
}

Drawn read_drawn(const nlohmann::json& object) {
  ConfigReader reader(object, "draw");
  Drawn d;
  const std::string scheduler = reader.text("scheduler", "");
  if (!scheduler.empty()) d.scheduler = reader.one_of("scheduler", scheduler, scheduler_names());
  d.steps = reader.integer("steps", d.steps, 1, 1000);
  d.guidance = reader.real("guidance", d.guidance, 0.0, 1000.0);
  d.differentiated = reader.integer("differentiated", d.differentiated, 1);
  reader.finish();
  require_prompt(d, "draw");
  return d;
}

SampleConfig read_sample(const nlohmann::json& object) {
  ConfigReader reader(object, "sample");
  SampleConfig s;
  s.count = reader.integer("count", s.count, 2, 4096);
  s.batch = reader.integer("batch", s.batch, 1, 1 << 16);
  s.steps = reader.integer("steps", s.steps, 1, 1000);
  s.guidance = reader.real("guidance", s.guidance, 0.0, 1000.0);
  if (!left_out(reader, object, "unseen_templates"))
    s.unseen_templates = read_templates(reader, "unseen_templates", {});
  reader.finish();
  return s;
}

LastCallsConfig read_last_calls(const nlohmann::json& object) {
  ConfigReader reader(object, "last_calls");
  LastCallsConfig c;
  if (!left_out(reader, object, "calls")) c.calls = reader.integers("calls", {1, 2, 5, 1000}, 1, 1000);
  c.pairs = reader.integer("pairs", c.pairs, 1);
  reader.finish();
  if (std::adjacent_find(c.calls.begin(), c.calls.end(), std::greater_equal<>()) != c.calls.end())
    throw InputError("last_calls.calls: accepted: numbers in ascending order");
  return c;
}

AugmentationConfig read_augmentation(const nlohmann::json& object) {
  ConfigReader reader(object, "augmentation");
  AugmentationConfig a;
  if (!left_out(reader, object, "real")) a.real = reader.integers("real", {1, 5, 10}, 1, 10000);
  a.drawn = reader.integer("drawn", a.drawn, 1, 4096);
  a.classifier = read_image_classifier_options(reader.object("classifier"), "augmentation.classifier");
  reader.finish();
  return a;
}

BiasConfig read_bias(const nlohmann::json& object) {
  ConfigReader reader(object, "bias");
  BiasConfig b;
  b.pairs = reader.integer("pairs", b.pairs, 0);
  reader.finish();
  return b;
}

}  // namespace

TokenConfig read_token_config(const nlohmann::json& object) {
  ConfigReader reader(object, "token");
  TokenConfig t;
  t.word = reader.text("word", t.word);
  if (t.word.empty() || t.word.find_first_of(" \t\n\r") != std::string::npos)
    throw InputError(fmt::format(
        "token.word: '{}'; accepted: one word that the text model does not know, without white space", t.word));
  t.initial = reader.text("initial", t.initial);
  reader.finish();
  return t;
}

void require_prompt(const Drawn& drawn, const std::string& where) {
  if (drawn.guidance == 0)
    throw InputError(where + ".guidance: 0 draws the empty prompt alone, whatever the token; accepted: more than 0");
}

LearningOptions read_learning_options(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  LearningOptions o;
  o.mode = reader.choice("mode", o.mode, learning_mode_names);
  o.epochs = reader.integer("epochs", o.epochs, 1, 10000);
  o.images = reader.integer("images", o.images, 1, 100);
  o.batch = reader.integer("batch", o.batch, 1, 100);
  o.judged = reader.integer("judged", o.judged, 1, 1000);
  o.learning_rate = reader.real("learning_rate", o.learning_rate, 1e-9, 10.0);
  o.weight_decay = reader.real("weight_decay", o.weight_decay, 0.0, 1.0);
  o.max_norm = reader.real("max_norm", o.max_norm, 1e-9, 1e9);
  o.loss_scale = reader.real("loss_scale", o.loss_scale, 1.0, 1e9);
  o.accuracy_to_stop = reader.real("accuracy_to_stop", o.accuracy_to_stop, 0.0, 1.0);
  o.patience = reader.integer("patience", o.patience, 0, 10000);
  o.collapse = reader.real("collapse", o.collapse, 1.0, 1e9);
  reader.finish();
  return o;
}

nlohmann::json to_json(const LearningOptions& o) {
  return {{"mode", name_of(o.mode, learning_mode_names)},
          {"epochs", o.epochs},
          {"images", o.images},
          {"batch", o.batch},
          {"judged", o.judged},
          {"learning_rate", o.learning_rate},
          {"weight_decay", o.weight_decay},
          {"max_norm", o.max_norm},
          {"loss_scale", o.loss_scale},
          {"accuracy_to_stop", o.accuracy_to_stop},
          {"patience", o.patience},
          {"collapse", o.collapse}};
}

Config read_config(const nlohmann::json& object) {
  ConfigReader reader(object, "");
  Config c;
  c.dataset = read_dataset_spec(reader.object("dataset"), "dataset");
  c.label = read_label_kind(reader, c.label);
  c.fd_small = read_small_features_options(reader.object("fd_small"), "fd_small");
  c.text_model = read_text_model_options(reader.object("text_model"), "text_model");
  const SdUNetConfig unet = read_sd_unet_config(c.text_model.network.unet, "text_model.unet");
  const std::int64_t side = c.dataset.size;
  if (unet.sample_size != std::array{side, side})
    throw InputError(fmt::format("text_model.unet.sample_size: {} x {}; accepted: dataset.size, {}",
                                 unet.sample_size[0], unet.sample_size[1], side));
  c.classifier = read_image_classifier_options(reader.object("classifier"), "classifier");
  c.words = read_words(reader.object("words"));
  c.templates = read_templates(reader, "templates", {"A photo of {}"});
  c.token = read_token_config(reader.object("token"));
  c.learn = read_learning_options(reader.object("learn"), "learn");
  c.draw = read_drawn(reader.object("draw"));
  c.sample = read_sample(reader.object("sample"));
  for (const std::int64_t steps : {c.draw.steps, c.sample.steps}) {
    Drawn chain = c.draw;
    chain.steps = steps;
    painting_chain(c.text_model.network.scheduler, "text_model.scheduler", chain);
  }
  c.last_calls = read_last_calls(reader.object("last_calls"));
  c.augmentation = read_augmentation(reader.object("augmentation"));
  if (!c.augmentation.real.empty() && c.augmentation.drawn > c.sample.count)
    throw InputError(fmt::format("augmentation.drawn: {}; accepted: at most sample.count, {}", c.augmentation.drawn,
                                 c.sample.count));
  c.bias = read_bias(reader.object("bias"));
  c.bootstrap = reader.integer("bootstrap", c.bootstrap, 20, 1000000);
  reader.finish();
  return c;
}

}  // namespace assay::class_tokens
