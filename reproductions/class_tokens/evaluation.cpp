#include "reproductions/class_tokens/evaluation.h"

#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <span>
#include <utility>

#include "kernels/host_tensor.h"
#include "reproductions/sample_artifacts.h"
#include "reproductions/samples/sample_files.h"

namespace assay::class_tokens {
namespace {

std::filesystem::path samples_file(const Study& s, const std::string& arm) {
  return s.run.artifact_folder() / fmt::format("samples-{}.safetensors", arm);
}

/// Features of all training images of the targets.
at::Tensor target_features(const Study& s, const FdSmall& fd) {
  std::set<std::int64_t> targets;
  for (const WordClass& pair : s.pairs) targets.insert(pair.target);
  const std::vector<std::int64_t>& labels = s.labels(s.train);
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (targets.contains(labels[i])) rows.push_back(static_cast<std::int64_t>(i));
  return fd.features(rows_of(s.train.images, std::span<const std::int64_t>(rows)));
}

/// The prompts of an arm, one a pair.
std::vector<PairPrompt> prompts_of(const Study& s, const std::string& arm, const std::vector<PairToken>& tokens,
                                   const std::string& prompt_template) {
  const TokenPainter painter(*s.model, s.config.token.word, s.config.draw);
  std::vector<PairPrompt> prompts;
  prompts.reserve(tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto pair = static_cast<std::int64_t>(i);
    if (arm == plain_arm)
      prompts.push_back({plain_prompt(s, pair, prompt_template), {painter.row_of(s.config.token.initial)}});
    else
      prompts.push_back({token_prompt(s, pair, prompt_template),
                         arm == random_arm ? TokenRows{painter.random_row(s.run.seed(), i)} : tokens[i].rows});
  }
  return prompts;
}

/// The accuracies over all pairs, by their names.
nlohmann::json sample(Study& s, const FdSmall& fd, const std::string& arm, const std::vector<PairToken>& tokens) {
  return s.run.stage("sample:" + arm, [&](StageOutput& out) {
    const at::Tensor bytes =
        draw_pairs(s, prompts_of(s, arm, tokens, s.config.templates.front()), s.config.sample.count, "draw " + arm);
    out.protocols.push_back(accuracy_protocol(s));
    out.scores = accuracies(s, arm, bytes, nlohmann::json::object(), true);
    for (const Score& score : out.scores)
      if (score.params.empty()) out.result[score.name] = score.value;

    ProtocolUse protocol = fd.protocol();
    const at::Tensor reference = target_features(s, fd);
    protocol.choices["reference"] = fmt::format("training images of the targets in {}", s.run.dataset().hash());
    protocol.choices["n_reference"] = reference.size(0);
    out.protocols.push_back(protocol);
    const at::Tensor features = fd.features(from_bytes(bytes));
    out.scores.push_back(fd.score(arm, features, nlohmann::json::object(), reference));

    out.artifacts.push_back(stored_samples(arm, samples_file(s, arm), bytes, features, {{"arm", arm}}));
    out.artifacts.push_back(pair_picture(s, arm, bytes));
  });
}

void unseen_templates(Study& s, const std::string& arm, const std::vector<PairToken>& tokens) {
  s.run.stage("unseen:" + arm, [&](StageOutput& out) {
    out.protocols.push_back(accuracy_protocol(s));
    std::vector<at::Tensor> all;
    for (const std::string& text : s.config.sample.unseen_templates) {
      const at::Tensor bytes = draw_pairs(s, prompts_of(s, arm, tokens, text), s.config.sample.count,
                                          fmt::format("draw {} as '{}'", arm, text));
      for (Score& score : accuracies(s, arm, bytes, {{"template", text}}, false))
        out.scores.push_back(std::move(score));
    }
    // One number for the claim: the mean over the templates.
    for (const char* name : {"guide_accuracy", "judge_accuracy"}) {
      double sum = 0;
      std::int64_t n = 0, count = 0;
      for (const Score& score : out.scores)
        if (score.name == name) sum += score.value, n += score.n, ++count;
      out.scores.push_back({.arm = arm,
                            .name = name,
                            .value = sum / static_cast<double>(count),
                            .direction = Better::higher,
                            .n = n,
                            .protocol = "image-classifier",
                            .params = {{"templates", "unseen"}}});
    }
  });
}

/// What the bare word and the token draw from the same noise: a picture of each of the first pairs.
void before_and_after(Study& s) {
  s.run.stage("before-after", [&](StageOutput& out) {
    const at::Tensor plain = evaluated_images(s, plain_arm), token = evaluated_images(s, token_arm);
    const std::int64_t count = s.config.sample.count, columns = std::min<std::int64_t>(10, count);
    const std::size_t pairs = std::min<std::size_t>(6, s.pairs.size());
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      const std::int64_t first = static_cast<std::int64_t>(pair) * count;
      out.artifacts.push_back(
          sample_picture(fmt::format("{}: {}, {}", s.in_words(s.pairs[pair]), plain_arm, token_arm),
                         at::cat({plain.narrow(0, first, columns), token.narrow(0, first, columns)}),
                         s.run.artifact_folder() / fmt::format("before-after-{}.png", s.name_of(s.pairs[pair])),
                         {{"pair", s.in_words(s.pairs[pair])}, {"seed", s.run.seed()}}, columns));
    }
  });
}

/// What a token costs, and what its gain is worth: the judge's share of the guide's.
void gains(Study& s, const std::vector<PairToken>& tokens, const nlohmann::json& plain, const nlohmann::json& token) {
  s.run.stage("gains", [&](StageOutput& out) {
    const auto gain = [&](const char* name) { return token.at(name).get<double>() - plain.at(name).get<double>(); };
    out.protocols.push_back(accuracy_protocol(s));
    if (gain("guide_accuracy") > 0)
      out.scores.push_back({.arm = token_arm,
                            .name = "gain_ratio",
                            .value = gain("judge_accuracy") / gain("guide_accuracy"),
                            .direction = Better::higher,
                            .n = static_cast<std::int64_t>(tokens.size()) * s.config.sample.count,
                            .protocol = "image-classifier"});
    else
      out.notes.push_back("the token did not raise the guide's accuracy over the bare word's: no ratio of gains");
    out.protocols.push_back({.name = "training", .choices = nlohmann::json::object()});
    const auto add = [&](const char* name, const char* unit, double sum) {
      out.scores.push_back({.arm = token_arm,
                            .name = name,
                            .value = sum / static_cast<double>(tokens.size()),
                            .unit = unit,
                            .direction = Better::lower,
                            .n = static_cast<std::int64_t>(tokens.size()),
                            .protocol = "training"});
    };
    double steps = 0, seconds = 0;
    for (const PairToken& learned : tokens) {
      steps += static_cast<double>(learned.steps);
      seconds += learned.seconds;
    }
    add("steps_to_stop", "steps", steps);
    add("share_of_steps", "", steps / static_cast<double>(s.config.learn.epochs));
    add("seconds_to_stop", "s", seconds);
  });
}

}  // namespace

at::Tensor evaluated_images(const Study& s, const std::string& arm) { return read_sample_images(samples_file(s, arm)); }

void evaluate(Study& s, const FdSmall& fd, const std::vector<PairToken>& tokens) {
  std::vector<std::function<void(Run&)>> parts;
  nlohmann::json plain, random, token;
  for (const auto& [arm, found] : {std::pair(plain_arm, &plain), {random_arm, &random}, {token_arm, &token}}) {
    const char* const name = arm;
    nlohmann::json& result = *found;
    parts.emplace_back([&s, &fd, &tokens, &result, name](Run& part) {
      Study own(s, part);
      result = sample(own, fd, name, tokens);
    });
  }
  if (!s.config.sample.unseen_templates.empty())
    for (const char* arm : {plain_arm, token_arm})
      parts.emplace_back([&s, &tokens, arm](Run& part) {
        Study own(s, part);
        unseen_templates(own, arm, tokens);
      });
  s.run.side_by_side(parts);
  before_and_after(s);
  gains(s, tokens, plain, token);
}

}  // namespace assay::class_tokens
