#include "reproductions/class_tokens/paper.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "core/config.h"
#include "core/elapsed.h"
#include "core/error.h"
#include "diffusion/networks/sd/pipeline_folder.h"
#include "diffusion/networks/sd/text_to_image_folder.h"
#include "diffusion/networks/vit/vit_classifier.h"
#include "metrics/statistics/proportion.h"
#include "reproductions/class_tokens/algorithm/classifier_input.h"
#include "reproductions/class_tokens/algorithm/prompts.h"
#include "reproductions/class_tokens/algorithm/token_file.h"
#include "reproductions/class_tokens/config.h"
#include "reproductions/published/config.h"
#include "reproductions/published/hub_model.h"
#include "reproductions/published/step_speed.h"
#include "reproductions/sample_artifacts.h"
#include "reproductions/samples/image_tensors.h"
#include "reproductions/samples/prompt_template.h"
#include "reproductions/samples/sample_noise.h"
#include "reproductions/tiers.h"

namespace assay::class_tokens::paper {
namespace {

struct Guide {
  NeededFile folder;
  PublishedClassifier input = PublishedClassifier::inet;
  VitPooling pooling = VitPooling::cls;
  nlohmann::json config;  // of ViTConfig, for the plan alone
};

struct Row {
  std::string name, arm, model, classifier;
  std::vector<std::string> classes;
};

/// A class that a token is learned for.
struct AskedClass {
  std::string given;  // its name or its id
  std::int64_t id = 0;
  std::string words;  // in prompts
};

struct PaperConfig {
  std::map<std::string, HubModel> models;
  std::map<std::string, Guide> classifiers;
  std::vector<Row> rows;  // the selected ones
  std::vector<std::string> templates;
  TokenConfig token;
  LearningOptions learn;
  Drawn draw, evaluate;
  std::int64_t images = 10;  // of a class and a prompt
  std::vector<std::string> unknown;
};

Guide read_guide(const nlohmann::json& object, const std::string& name, const std::filesystem::path& root) {
  ConfigReader reader(object, "classifiers." + name);
  Guide g;
  g.folder = read_hub_folder(reader, fmt::format("classifier `{}`", name), root);
  g.input = reader.choice("input", g.input, published_classifier_names);
  g.pooling = reader.choice("pooling", g.pooling, vit_pooling_names);
  g.config = reader.object("config");
  reader.finish();
  return g;
}

Row read_row(const nlohmann::json& object, const std::string& name, const PaperConfig& c) {
  const std::string where = "published." + name;
  ConfigReader reader(object, where);
  Row row;
  row.name = name;
  row.arm = reader.text("arm", name);
  row.model = reader.text("model", "");
  row.classifier = reader.text("classifier", "");
  row.classes = reader.texts("classes", {});
  reader.finish();
  require_entry(c.models, "model", row.model, where + ".model");
  require_entry(c.classifiers, "classifier", row.classifier, where + ".classifier");
  if (row.classes.empty()) throw InputError(where + ".classes: empty; accepted: names of the classifier's classes");
  return row;
}

PaperConfig read_paper_config(const nlohmann::json& object) {
  ConfigReader reader(object, "");
  PaperConfig c;
  std::filesystem::path root;
  {
    ConfigReader files(reader.object("files"), "files");
    root = files.text("folder", "weights");
    files.finish();
  }
  for (const auto& [name, model] : reader.object("models").items())
    c.models.emplace(name, read_hub_model(model, name, root));
  for (const auto& [name, guide] : reader.object("classifiers").items())
    c.classifiers.emplace(name, read_guide(guide, name, root));
  const nlohmann::json& published = reader.object("published");
  std::map<std::string, Row> known;
  for (const auto& [name, row] : published.items()) known.emplace(name, read_row(row, name, c));
  std::vector<std::string> all;
  all.reserve(known.size());
  for (const auto& [name, row] : known) all.push_back(name);
  const std::string one = reader.text("row", "");
  std::vector<std::string> chosen = reader.texts("rows", all);
  if (!one.empty()) chosen = {one};
  for (const std::string& name : chosen) {
    require_entry(known, "row", name, one.empty() ? "rows" : "row");
    c.rows.push_back(known.at(name));
  }
  c.templates = read_templates(reader, "templates", {"A photo of {}"});
  c.token = read_token_config(reader.object("token"));
  c.learn = read_learning_options(reader.object("learn"), "learn");
  const auto read_chain = [&](const std::string& key, Drawn chain) {
    ConfigReader of_chain(reader.object(key), key);
    chain.steps = of_chain.integer("steps", chain.steps, 1, 1000);
    chain.guidance = of_chain.real("guidance", chain.guidance, 0.0, 1000.0);
    if (key == "draw") chain.differentiated = of_chain.integer("differentiated", chain.differentiated, 1);
    if (key == "evaluate") c.images = of_chain.integer("images", c.images, 1, 4096);
    of_chain.finish();
    return chain;
  };
  c.draw = read_chain("draw", {});
  require_prompt(c.draw, "draw");
  c.evaluate = read_chain("evaluate", {.steps = 50, .guidance = 7.5});
  c.unknown = reader.texts("unknown", {});
  reader.finish();
  return c;
}

/// What one call of each network costs.
struct Costs {
  HubModelCost model;
  NetworkCost classifier;
};

Costs costs_of(const HubModel& model, const Guide& guide) {
  return {cost_of(model), VitClassifier(read_vit_classifier_config(guide.config, "classifier"), guide.pooling).cost()};
}

class Paper final : public Method {
 public:
  explicit Paper(const nlohmann::json& config)
      : config_(read_paper_config(config)), preset_(method_preset("class_tokens", Tier::paper)), asked_(config) {}

  std::vector<std::string> needs() const override {
    std::vector<NeededFile> all;
    for (const Row& row : config_.rows)
      for (NeededFile& file : files(row)) all.push_back(std::move(file));
    return missing_lines(all);
  }
  std::vector<std::string> describe() const override {
    std::size_t classes = 0;
    for (const Row& row : config_.rows) classes += row.classes.size();
    return {fmt::format("{} published row(s), {} classes; a token each: at most {} steps of {} images, {}",
                        config_.rows.size(), classes, config_.learn.epochs, config_.learn.images,
                        name_of(config_.learn.mode, learning_mode_names))};
  }
  std::optional<PublishedPlan> published_plan(at::Device device) const override {
    PublishedPlan plan;
    for (const Row& row : config_.rows) plan.rows.push_back(planned(row));
    plan.speed = measure_step_speed(device, false);
    return plan;
  }
  void run(Run& run) const override {
    // What is wrong with the last row is said before hours of the first.
    for (const Row& row : config_.rows) asked_classes(row);
    for (const Row& row : config_.rows) draw_row(run, row);
  }

 private:
  /// The classes of a row, without weights. Throws InputError for one that the classifier lacks, prompts that the model
  /// cannot be told, and a scheduler that cannot draw them.
  std::vector<AskedClass> asked_classes(const Row& row) const;
  std::vector<NeededFile> files(const Row& row) const {
    return {config_.models.at(row.model).folder, config_.classifiers.at(row.classifier).folder};
  }
  PlannedRow planned(const Row& row) const;
  void draw_row(Run& run, const Row& row) const;

  PaperConfig config_;
  nlohmann::json preset_, asked_;
};

PlannedRow Paper::planned(const Row& row) const {
  const PaperConfig& c = config_;
  const Costs costs = costs_of(c.models.at(row.model), c.classifiers.at(row.classifier));
  // PNDM calls the network once more than it has steps, with both prompts. A differentiated call is evaluated twice and
  // its gradient costs as much as two evaluations, as does that of decoder and classifier.
  const auto forward = [&](std::int64_t steps) {
    return 2 * costs.model.unet.flops * static_cast<double>(steps + 1) + costs.model.text.flops +
           costs.model.decoder.flops + costs.classifier.flops;
  };
  const double learned = forward(c.draw.steps) +
                         3 * 2 * costs.model.unet.flops * static_cast<double>(c.draw.differentiated) +
                         2 * (costs.model.decoder.flops + costs.classifier.flops + costs.model.text.flops);
  const auto classes = static_cast<std::int64_t>(row.classes.size());
  PlannedRow plan;
  plan.name = row.name;
  plan.settings = {{"arm", row.arm},
                   {"classes", classes},
                   {"mode", name_of(c.learn.mode, learning_mode_names)},
                   {"steps", c.draw.steps},
                   {"guidance", c.draw.guidance},
                   {"differentiated", c.draw.differentiated},
                   {"evaluated_steps", c.evaluate.steps},
                   {"evaluated_guidance", c.evaluate.guidance}};
  plan.files = files(row);
  plan.networks = {{"diffusion", row.model, c.models.at(row.model).unet, costs.model.unet},
                   {"text encoder", row.model, c.models.at(row.model).text_encoder, costs.model.text},
                   {"decoder", row.model, c.models.at(row.model).vae, costs.model.decoder},
                   {"classifier", row.classifier, nlohmann::json::object(), costs.classifier}};
  plan.images = 2 * classes * c.images;
  plan.flops = forward(c.evaluate.steps);
  plan.training_flops = learned * static_cast<double>(classes * c.learn.epochs * c.learn.images);
  const std::int64_t weights = 4 * (costs.model.unet.parameters + costs.model.text.parameters +
                                    costs.model.decoder.parameters + costs.classifier.parameters);
  plan.memory_bytes =
      weights + std::max(costs.model.unet.gradient_pass_bytes(2) - 4 * costs.model.unet.parameters,
                         costs.model.decoder.gradient_pass_bytes(1) - 4 * costs.model.decoder.parameters +
                             costs.classifier.gradient_pass_bytes(1) - 4 * costs.classifier.parameters);
  plan.loading_bytes = 2 * weights;
  plan.departures = departures(preset_, asked_, row.name, {"/files", "/row", "/rows", "/unknown"});
  plan.unknown = c.unknown;
  return plan;
}

std::vector<AskedClass> Paper::asked_classes(const Row& row) const {
  const PaperConfig& c = config_;
  const VitClassifierConfig known = read_vit_classifier_folder(c.classifiers.at(row.classifier).folder.path);
  std::vector<AskedClass> asked;
  std::vector<std::string> words;
  asked.reserve(row.classes.size());
  words.reserve(row.classes.size());
  for (const std::string& given : row.classes) {
    const NamedClass found = known.class_of(given);
    for (const AskedClass& other : asked)
      if (other.id == found.id)
        throw InputError(fmt::format("published.{}.classes: '{}' and '{}' are one class; accepted: each class once",
                                     row.name, other.given, given));
    asked.push_back({given, found.id, class_words(found.name)});
    words.push_back(asked.back().words);
  }
  const PipelineFolder model = read_pipeline_folder(c.models.at(row.model).folder.path);
  TokenPrompts(model.tokenizer, c.token.word).require(c.templates, c.token.initial, words);
  for (const Drawn& drawn : {c.draw, c.evaluate})
    painting_chain(model.scheduler, (model.folder / "scheduler").string(), drawn);
  return asked;
}

void Paper::draw_row(Run& run, const Row& row) const {
  const PaperConfig& c = config_;
  const Guide& guide = c.classifiers.at(row.classifier);
  const auto model = load_text_to_image(c.models.at(row.model).folder.path, at::kFloat, run.device());
  const auto classifier = open_vit_classifier(guide.folder.path, guide.pooling, run.device());
  const ClassifierInput input = classifier_input_of(guide.input);
  const auto logits_of_images = [&](const at::Tensor& images) {
    return classifier->logits(classifier_input(images / 2 + 0.5, input));
  };
  const auto noise = [&](std::int64_t number) {
    return sample_noise(number, 1, model->latent_shape(), run.seed()).to(run.device());
  };
  const TokenPainter painter(*model, c.token.word, c.draw), evaluated(*model, c.token.word, c.evaluate);
  for (const AskedClass& asked : asked_classes(row)) {
    const std::string &label = asked.given, &words = asked.words, name = row.arm + ":" + label;
    const std::int64_t target = asked.id;
    const std::filesystem::path file = run.artifact_folder() / fmt::format("token-{}-{}.safetensors", row.arm, target);
    run.stage("learn:" + name, [&](StageOutput& out) {
      const auto start = std::chrono::steady_clock::now();
      const LearnedToken learned = learn_token(
          [&](const std::vector<PromptedNoise>& images, const TokenRows& rows) {
            std::vector<std::string> prompts;
            std::vector<at::Tensor> each;
            prompts.reserve(images.size());
            each.reserve(images.size());
            for (const PromptedNoise& image : images) {
              prompts.push_back(
                  prompt_of(c.templates[static_cast<std::size_t>(image.prompt_template)], c.token.word, words));
              each.push_back(noise(c.images + image.noise));
            }
            return logits_of_images(painter.images(prompts, rows, !c.learn.quirks().unpadded_prompts, at::cat(each)));
          },
          painter.row_of(c.token.initial), target, static_cast<std::int64_t>(c.templates.size()), c.learn, run.seed(),
          run.progress("learn " + name, c.learn.epochs, "steps"));
      write_token(file, {.row = learned.rows.row,
                         .token = c.token.word,
                         .initial_word = c.token.initial,
                         .encoder = model->text_identity(),
                         .mode = name_of(c.learn.mode, learning_mode_names),
                         .seed = run.seed(),
                         .other_rows_scale = learned.rows.others});
      out.timings.push_back({.op = "learn_token",
                             .variant = name,
                             .seconds = seconds_since(start),
                             .items = learned.steps,
                             .item_unit = "steps"});
      out.artifacts.push_back({.name = "token " + name, .kind = "token", .file = file, .meta = {{"class", label}}});
    });
    const TokenFile token = read_token(file, model->text_width(), model->text_identity());
    const TokenRows rows{token.row.to(run.device()), token.other_rows_scale};
    for (const auto& [arm, word] :
         {std::pair<std::string, std::string>{row.arm + "/plain", c.token.initial}, {row.arm + "/token", c.token.word}})
      run.stage(fmt::format("sample:{}:{}", arm, label), [&, &arm = arm, &word = word](StageOutput& out) {
        const at::NoGradGuard no_grad;
        const auto progress = run.progress("draw " + name, c.images, "images");
        std::vector<at::Tensor> bytes;
        std::int64_t right = 0;
        for (std::int64_t i = 0; i < c.images; ++i) {
          const at::Tensor image =
              evaluated.images({prompt_of(c.templates.front(), word, words)}, rows, true, noise(i));
          right += at::argmax(logits_of_images(image), 1).item<std::int64_t>() == target ? 1 : 0;
          bytes.push_back(to_bytes(image).to(at::kCPU));
          progress(i + 1);
        }
        out.protocols.push_back({.name = "image-classifier", .choices = {{"guide", guide.folder.place()}}});
        out.scores.push_back({.arm = arm,
                              .name = "guide_accuracy",
                              .value = static_cast<double>(right) / static_cast<double>(c.images),
                              .direction = Better::higher,
                              .n = c.images,
                              .interval = wilson_interval(right, c.images, "Wilson over samples"),
                              .protocol = "image-classifier",
                              .params = {{"class", label}}});
        out.artifacts.push_back(
            sample_picture(arm + " " + label, at::cat(bytes),
                           run.artifact_folder() / fmt::format("samples-{}-{}-{}.png", row.arm, target, word),
                           {{"arm", arm}, {"class", label}, {"seed", run.seed()}, {"shows", words}}));
      });
  }
}

}  // namespace

std::unique_ptr<Method> make_method(const nlohmann::json& config) { return std::make_unique<Paper>(config); }

}  // namespace assay::class_tokens::paper
