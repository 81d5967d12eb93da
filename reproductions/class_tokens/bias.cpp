#include "reproductions/class_tokens/bias.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "metrics/statistics/proportion.h"
#include "reproductions/class_tokens/evaluation.h"
#include "reproductions/class_tokens/learning.h"

namespace assay::class_tokens {
namespace {

/// The median of each class.
std::map<std::int64_t, double> medians(const std::vector<double>& values, const std::vector<std::int64_t>& labels) {
  std::map<std::int64_t, std::vector<double>> of_class;
  for (std::size_t i = 0; i < values.size(); ++i) of_class[labels[i]].push_back(values[i]);
  std::map<std::int64_t, double> found;
  for (auto& [label, numbers] : of_class) {
    const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
    std::nth_element(numbers.begin(), middle, numbers.end());
    found[label] = *middle;
  }
  return found;
}

std::int64_t biased_pairs(const Study& s) {
  return std::min<std::int64_t>(s.config.bias.pairs, static_cast<std::int64_t>(s.pairs.size()));
}

std::vector<std::int64_t> biased_targets(const Study& s) {
  std::vector<std::int64_t> targets;
  targets.reserve(static_cast<std::size_t>(biased_pairs(s)));
  for (std::int64_t pair = 0; pair < biased_pairs(s); ++pair)
    targets.push_back(s.pairs[static_cast<std::size_t>(pair)].target);
  return targets;
}

}  // namespace

std::vector<double> redness(const at::Tensor& images) {
  const at::Tensor means = images.to(at::kDouble).flatten(2).mean(2);
  const at::Tensor red = (means.select(1, 0) - (means.select(1, 1) + means.select(1, 2)) / 2).to(at::kCPU).contiguous();
  return {red.const_data_ptr<double>(), red.const_data_ptr<double>() + red.numel()};
}

std::vector<double> biased_weights(const std::vector<double>& red, const std::vector<std::int64_t>& labels,
                                   const std::vector<std::int64_t>& targets) {
  const std::map<std::int64_t, double> middle = medians(red, labels);
  std::vector<double> weights(red.size());
  for (std::size_t i = 0; i < red.size(); ++i) {
    const bool target = std::find(targets.begin(), targets.end(), labels[i]) != targets.end();
    weights[i] = (target ? red[i] >= middle.at(labels[i]) : red[i] <= middle.at(labels[i])) ? 1.0 : 0.0;
  }
  return weights;
}

std::shared_ptr<const JudgingClassifier> biased_guide(const Study& s) {
  return judging_classifier(s.run, s.config, s.train, s.classes, 0,
                            biased_weights(redness(s.train.images), s.labels(s.train), biased_targets(s)), " (biased)");
}

void bias(Study& s) {
  const std::int64_t pairs = biased_pairs(s), count = s.config.sample.count;
  const auto guide = biased_guide(s);
  const std::vector<PairToken> tokens = learn_pairs(s, "biased", pairs, *guide, s.config.draw);
  s.run.stage("sample:biased", [&](StageOutput& out) {
    const std::map<std::int64_t, double> middle = medians(redness(s.train.images), s.labels(s.train));
    std::vector<PairPrompt> prompts;
    prompts.reserve(tokens.size());
    for (std::int64_t pair = 0; pair < pairs; ++pair)
      prompts.push_back(
          {token_prompt(s, pair, s.config.templates.front()), tokens[static_cast<std::size_t>(pair)].rows});
    const at::Tensor biased = draw_pairs(s, prompts, count, "draw biased");
    out.protocols.push_back({.name = "class-bias", .choices = {{"guide", guide->hash}, {"pairs", pairs}}});
    for (const std::string arm : {plain_arm, token_arm, "biased"}) {
      const at::Tensor bytes = arm == "biased" ? biased : evaluated_images(s, arm).narrow(0, 0, pairs * count);
      const std::vector<double> red = redness(from_bytes(bytes));
      std::int64_t showing = 0;
      for (std::int64_t i = 0; i < pairs * count; ++i)
        showing += red[static_cast<std::size_t>(i)] > middle.at(s.pairs[static_cast<std::size_t>(i / count)].target);
      out.scores.push_back({.arm = arm,
                            .name = "bias_share",
                            .value = static_cast<double>(showing) / static_cast<double>(pairs * count),
                            .direction = Better::unstated,
                            .n = pairs * count,
                            .interval = wilson_interval(showing, pairs * count, "Wilson over samples"),
                            .protocol = "class-bias"});
    }
    out.artifacts.push_back(pair_picture(s, "biased", biased));
  });
}

}  // namespace assay::class_tokens
