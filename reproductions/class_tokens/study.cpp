#include "reproductions/class_tokens/study.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "core/hash.h"
#include "core/nearest.h"
#include "metrics/statistics/proportion.h"
#include "reproductions/class_tokens/algorithm/classifier_input.h"
#include "reproductions/class_tokens/algorithm/prompts.h"
#include "reproductions/sample_artifacts.h"
#include "reproductions/samples/drawing.h"
#include "reproductions/samples/sample_noise.h"

namespace assay::class_tokens {
namespace {

/// Our classifiers take images in [-1, 1] of the data set's size.
const ClassifierInput own_input = {0, 0, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}};

std::string file_name(const std::string& text) {
  std::string name = text;
  for (char& c : name)
    if (c == ' ' || c == '/' || c == '&') c = '-';
  return name;
}

}  // namespace

Study::Study(Run& r, const Config& c)
    : run(r),
      config(c),
      train(load_images(r.dataset(), Split::train)),
      validation(load_images(r.dataset(), Split::validation)),
      classes(label_count(r.dataset(), c.label)),
      class_names(c.label == LabelKind::group ? r.dataset().groups() : r.dataset().subgroups()),
      pairs(choose_word_classes(train.captions, labels(train), c.words)),
      model(text_model(r, c, train)),
      guide(judging_classifier(r, c, train, classes, 0)),
      judge(judging_classifier(r, c, train, classes, 1)) {}

Study::Study(const Study& whole, Run& part)
    : run(part),
      config(whole.config),
      train(whole.train),
      validation(whole.validation),
      classes(whole.classes),
      class_names(whole.class_names),
      pairs(whole.pairs),
      model(whole.model),
      guide(whole.guide),
      judge(whole.judge) {}

std::string Study::in_words(const WordClass& pair) const {
  return fmt::format("{} -> {}", pair.word, class_names[static_cast<std::size_t>(pair.target)]);
}

std::string Study::name_of(const WordClass& pair) const {
  return fmt::format("{}_{}", pair.word, file_name(class_names[static_cast<std::size_t>(pair.target)]));
}

std::shared_ptr<const TextToImage> text_model(Run& run, const Config& config, const LabelledImages& train) {
  return load_text_model(shared_text_model(run, config.text_model, train, shared_text_model_seed),
                         config.text_model.weights, at::kFloat, run.device());
}

std::shared_ptr<const JudgingClassifier> judging_classifier(Run& run, const Config& config, const LabelledImages& train,
                                                            std::int64_t classes, std::uint64_t which,
                                                            const std::vector<double>& weights,
                                                            const std::string& bias) {
  const std::vector<std::int64_t>& labels = labels_of(train, config.label);
  Hasher hasher;
  hasher.values(std::span<const std::int64_t>(labels));
  hasher.values(std::span<const double>(weights));
  const nlohmann::json identity = {{"what", "class_tokens classifier"},
                                   {"options", to_json(config.classifier)},
                                   {"dataset", run.dataset().hash()},
                                   {"labels", hasher.hex()},
                                   {"device", run.device().is_cpu() ? "cpu" : "cuda"},
                                   {"seed", which}};
  const std::string name = (which == 0 ? "guide" : "judge") + bias;
  const auto file = run.product("image-classifier", identity, [&](const std::filesystem::path& out) {
    train_image_classifier(train.images.to(run.device()), labels, classes, config.classifier, which,
                           run.progress("train " + name, config.classifier.steps, "steps"), weights)
        .save(out, identity.dump());
  });
  auto classifier = std::make_shared<JudgingClassifier>(
      JudgingClassifier{empty_image_classifier(classes, config.classifier, which, run.device()), hash_file(file)});
  classifier->network.load(file, identity.dump());
  return classifier;
}

ProtocolUse accuracy_protocol(const Study& s) {
  return {.name = "image-classifier",
          .choices = {{"guide", s.guide->hash}, {"judge", s.judge->hash}, {"classes", s.classes}}};
}

std::int64_t first_noise(std::int64_t pair) { return (pair + 1) << 24; }

TokenLogits logits_of(const Study& s, const TokenPainter& painter, const JudgingClassifier& classifier,
                      std::int64_t pair) {
  return [&s, &painter, &classifier, pair](const std::vector<PromptedNoise>& images, const TokenRows& rows) {
    std::vector<std::string> prompts;
    std::vector<at::Tensor> noise;
    prompts.reserve(images.size());
    noise.reserve(images.size());
    for (const PromptedNoise& image : images) {
      prompts.push_back(token_prompt(s, pair, s.config.templates[static_cast<std::size_t>(image.prompt_template)]));
      noise.push_back(sample_noise(first_noise(pair) + s.config.sample.count + image.noise, 1, s.model->latent_shape(),
                                   s.run.seed()));
    }
    const at::Tensor drawn =
        painter.images(prompts, rows, !s.config.learn.quirks().unpadded_prompts, at::cat(noise).to(s.device()));
    return class_logits(classifier.network, classifier_input(drawn / 2 + 0.5, own_input));
  };
}

std::string token_prompt(const Study& s, std::int64_t pair, const std::string& prompt_template) {
  return prompt_of(prompt_template, s.config.token.word, s.pairs[static_cast<std::size_t>(pair)].word);
}

std::string plain_prompt(const Study& s, std::int64_t pair, const std::string& prompt_template) {
  return prompt_of(prompt_template, s.config.token.initial, s.pairs[static_cast<std::size_t>(pair)].word);
}

at::Tensor draw_pairs(const Study& s, const std::vector<PairPrompt>& prompts, std::int64_t count,
                      const std::string& what) {
  Drawn drawn = s.config.draw;
  drawn.steps = s.config.sample.steps;
  drawn.guidance = s.config.sample.guidance;
  const TokenPainter painter(*s.model, s.config.token.word, drawn);
  const auto progress = s.run.progress(what, static_cast<std::int64_t>(prompts.size()) * count, "images");
  std::vector<at::Tensor> bytes;
  bytes.reserve(prompts.size());
  for (std::size_t pair = 0; pair < prompts.size(); ++pair) {
    const Drawing drawing = {.first = first_noise(static_cast<std::int64_t>(pair)),
                             .count = count,
                             .shape = s.model->latent_shape(),
                             .seed = s.run.seed(),
                             .device = s.device(),
                             .passes = passes_of_small_network(s.device(), s.config.sample.batch)};
    bytes.push_back(draw_samples(
        drawing,
        [&](const SamplePass& pass, const PassNoise& noise) {
          return painter.images(std::vector<std::string>(static_cast<std::size_t>(pass.rows), prompts[pair].prompt),
                                prompts[pair].rows, true, noise(0));
        },
        [&](std::int64_t done) { progress(static_cast<std::int64_t>(pair) * count + done); }));
  }
  return at::cat(bytes);
}

Artifact pair_picture(const Study& s, const std::string& arm, const at::Tensor& bytes) {
  const std::int64_t count = s.config.sample.count, columns = std::min<std::int64_t>(10, count),
                     pairs = std::min<std::int64_t>(6, bytes.size(0) / count);
  std::vector<at::Tensor> rows;
  std::vector<std::string> words;
  rows.reserve(static_cast<std::size_t>(pairs));
  words.reserve(rows.capacity());
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    rows.push_back(bytes.narrow(0, pair * count, columns));
    words.push_back(s.in_words(s.pairs[static_cast<std::size_t>(pair)]));
  }
  return sample_picture(arm, at::cat(rows), s.run.artifact_folder() / fmt::format("samples-{}.png", arm),
                        {{"arm", arm}, {"seed", s.run.seed()}, {"shows", join(words, "; ")}}, columns);
}

std::vector<Score> accuracies(const Study& s, const std::string& arm, const at::Tensor& bytes,
                              const nlohmann::json& params, bool by_pair) {
  std::vector<Score> scores;
  const std::int64_t all = bytes.size(0);
  for (const auto& [name, classifier] :
       {std::pair("guide_accuracy", s.guide.get()), {"judge_accuracy", s.judge.get()}}) {
    const std::vector<std::int64_t> seen = classes_seen(classifier->network, from_bytes(bytes).to(s.device()));
    const std::int64_t pairs = std::min<std::int64_t>(static_cast<std::int64_t>(s.pairs.size()),
                                                      all / s.config.sample.count),
                       count = all / pairs;
    std::int64_t hits = 0;
    const auto add = [&, name = name](std::int64_t right, std::int64_t n, const nlohmann::json& of) {
      scores.push_back({.arm = arm,
                        .name = name,
                        .value = static_cast<double>(right) / static_cast<double>(n),
                        .direction = Better::higher,
                        .n = n,
                        .interval = wilson_interval(right, n, "Wilson over samples"),
                        .protocol = "image-classifier",
                        .params = of});
    };
    for (std::int64_t pair = 0; pair < pairs; ++pair) {
      const auto begin = seen.begin() + pair * count;
      const std::int64_t right = std::count(begin, begin + count, s.pairs[static_cast<std::size_t>(pair)].target);
      hits += right;
      if (by_pair) {
        nlohmann::json of_pair = params;
        of_pair["pair"] = s.in_words(s.pairs[static_cast<std::size_t>(pair)]);
        add(right, count, of_pair);
      }
    }
    add(hits, all, params);
  }
  return scores;
}

}  // namespace assay::class_tokens
