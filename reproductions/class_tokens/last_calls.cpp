#include "reproductions/class_tokens/last_calls.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "reproductions/class_tokens/learning.h"

namespace assay::class_tokens {
namespace {

std::string arm_of(std::int64_t calls, std::int64_t all) { return calls == all ? "all" : fmt::format("last{}", calls); }

/// The numbers of calls that are compared: of those that are more than the chain has, one.
std::vector<std::int64_t> compared_calls(const Study& s, std::int64_t all) {
  std::vector<std::int64_t> calls = s.config.last_calls.calls;
  for (std::int64_t& number : calls) number = std::min(number, all);
  calls.erase(std::unique(calls.begin(), calls.end()), calls.end());
  return calls;
}

/// The mean over pairs of the cosine between the first gradient through the last calls and that through all.
void compare_gradients(Study& s, const std::vector<std::int64_t>& calls, std::int64_t pairs, std::int64_t all) {
  s.run.stage("last-calls:gradients", [&](StageOutput& out) {
    out.protocols.push_back({.name = "training", .choices = nlohmann::json::object()});
    const auto gradient = [&](std::int64_t pair, std::int64_t differentiated) {
      Drawn drawn = s.config.draw;
      drawn.differentiated = differentiated;
      const TokenPainter painter(*s.model, s.config.token.word, drawn);
      return first_gradient(logits_of(s, painter, *s.guide, pair), painter.row_of(s.config.token.initial),
                            s.pairs[static_cast<std::size_t>(pair)].target,
                            static_cast<std::int64_t>(s.config.templates.size()), s.config.learn, s.run.seed())
          .to(at::kDouble);
    };
    std::vector<double> sums(calls.size(), 0.0);
    for (std::int64_t pair = 0; pair < pairs; ++pair) {
      const at::Tensor whole = gradient(pair, all);
      for (std::size_t i = 0; i < sums.size(); ++i) {
        const at::Tensor part = gradient(pair, calls[i]);
        sums[i] += ((part * whole).sum() / (part.norm() * whole.norm()).clamp_min(1e-300)).item<double>();
      }
    }
    for (std::size_t i = 0; i < sums.size(); ++i)
      out.scores.push_back({.arm = arm_of(calls[i], all),
                            .name = "gradient_cosine",
                            .value = sums[i] / static_cast<double>(pairs),
                            .direction = Better::higher,
                            .n = pairs,
                            .protocol = "training"});
  });
}

}  // namespace

void last_calls(Study& s) {
  const std::int64_t all = TokenPainter(*s.model, s.config.token.word, s.config.draw).chain().calls(),
                     pairs =
                         std::min<std::int64_t>(s.config.last_calls.pairs, static_cast<std::int64_t>(s.pairs.size()));
  const std::vector<std::int64_t> compared = compared_calls(s, all);
  compare_gradients(s, compared, pairs, all);
  for (const std::int64_t calls : compared) {
    const std::string arm = arm_of(calls, all);
    Drawn drawn = s.config.draw;
    drawn.differentiated = calls;
    const std::vector<PairToken> tokens = learn_pairs(s, arm, pairs, *s.guide, drawn);
    s.run.stage("sample:" + arm, [&](StageOutput& out) {
      std::vector<PairPrompt> prompts;
      prompts.reserve(tokens.size());
      double seconds = 0, steps = 0;
      for (std::int64_t pair = 0; pair < pairs; ++pair) {
        const PairToken& token = tokens[static_cast<std::size_t>(pair)];
        prompts.push_back({token_prompt(s, pair, s.config.templates.front()), token.rows});
        seconds += token.seconds;
        steps += static_cast<double>(token.steps);
      }
      out.protocols.push_back(accuracy_protocol(s));
      out.protocols.push_back({.name = "training", .choices = nlohmann::json::object()});
      out.scores = accuracies(s, arm, draw_pairs(s, prompts, s.config.sample.count, "draw " + arm),
                              nlohmann::json::object(), false);
      out.scores.push_back({.arm = arm,
                            .name = "seconds_a_step",
                            .value = seconds / steps,
                            .unit = "s",
                            .direction = Better::lower,
                            .n = pairs,
                            .protocol = "training"});
    });
  }
}

}  // namespace assay::class_tokens
