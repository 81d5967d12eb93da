#include "reproductions/class_tokens/learning.h"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <utility>

#include "core/elapsed.h"
#include "core/error.h"
#include "reproductions/class_tokens/algorithm/token_file.h"

namespace assay::class_tokens {

PairToken learn_pair(Study& s, const std::string& arm, std::int64_t pair, const JudgingClassifier& guide,
                     const Drawn& drawn) {
  const WordClass& chosen = s.pairs[static_cast<std::size_t>(pair)];
  const std::string name = arm + ":" + s.name_of(chosen);
  const std::filesystem::path file =
      s.run.artifact_folder() / fmt::format("token-{}-{}.safetensors", arm, s.name_of(chosen));
  const nlohmann::json result = s.run.stage("learn:" + name, [&](StageOutput& out) {
    const TokenPainter painter(*s.model, s.config.token.word, drawn);
    const auto start = std::chrono::steady_clock::now();
    const LearnedToken learned =
        learn_token(logits_of(s, painter, guide, pair), painter.row_of(s.config.token.initial), chosen.target,
                    static_cast<std::int64_t>(s.config.templates.size()), s.config.learn, s.run.seed(),
                    s.run.progress("learn " + s.in_words(chosen), s.config.learn.epochs, "steps"));
    const double seconds = seconds_since(start);
    write_token(file, {.row = learned.rows.row,
                       .token = s.config.token.word,
                       .initial_word = s.config.token.initial,
                       .encoder = s.model->text_identity(),
                       .mode = assay::name_of(s.config.learn.mode, learning_mode_names),
                       .seed = s.run.seed(),
                       .other_rows_scale = learned.rows.others});
    out.timings.push_back(
        {.op = "learn_token", .variant = name, .seconds = seconds, .items = learned.steps, .item_unit = "steps"});
    out.artifacts.push_back({.name = "token " + name,
                             .kind = "token",
                             .file = file,
                             .meta = {{"arm", arm}, {"pair", s.in_words(chosen)}, {"stopped", learned.stopped}}});
    Curve curve{.name = "loss: cross entropy"};
    for (std::size_t i = 0; i < learned.losses.size(); ++i) {
      curve.steps.push_back(static_cast<std::int64_t>(i) + 1);
      curve.values.push_back(learned.losses[i]);
    }
    out.curves.push_back(std::move(curve));
    if (learned.collapses > 0)
      out.notes.push_back(
          fmt::format("{}: {} collapses, each of which went on with other noise", name, learned.collapses));
    out.result = {
        {"steps", learned.steps}, {"kept_step", learned.kept_step}, {"stopped", learned.stopped}, {"seconds", seconds}};
  });
  const TokenFile token = read_token(file, s.model->text_width(), s.model->text_identity());
  return {{token.row.to(s.device()), token.other_rows_scale},
          result.at("steps").get<std::int64_t>(),
          result.at("seconds").get<double>()};
}

std::vector<PairToken> learn_pairs(Study& s, const std::string& arm, std::int64_t pairs, const JudgingClassifier& guide,
                                   const Drawn& drawn) {
  std::vector<PairToken> tokens(static_cast<std::size_t>(pairs));
  std::vector<std::function<void(Run&)>> parts;
  parts.reserve(tokens.size());
  for (std::int64_t pair = 0; pair < pairs; ++pair)
    parts.push_back([&s, &arm, &guide, &drawn, &tokens, pair](Run& part) {
      Study own(s, part);
      tokens[static_cast<std::size_t>(pair)] = learn_pair(own, arm, pair, guide, drawn);
    });
  s.run.side_by_side(parts);
  return tokens;
}

}  // namespace assay::class_tokens
