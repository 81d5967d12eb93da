#include "reproductions/class_tokens/class_tokens.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "metrics/statistics/proportion.h"
#include "reproductions/class_tokens/augmentation.h"
#include "reproductions/class_tokens/bias.h"
#include "reproductions/class_tokens/evaluation.h"
#include "reproductions/class_tokens/last_calls.h"
#include "reproductions/class_tokens/learning.h"
#include "reproductions/class_tokens/refusals.h"
#include "reproductions/fd_small.h"
#include "reproductions/real_images.h"
#include "reproductions/tiers.h"

namespace assay::class_tokens {
namespace {

/// The share of held-out images that guide and judge put into their class.
void real_images(Study& s, const FdSmall& fd) {
  record_real_images(s.run, fd, s.validation.images, [&](const at::Tensor& /*features*/, StageOutput& out) {
    out.protocols.push_back(accuracy_protocol(s));
    const std::vector<std::int64_t>& labels = s.labels(s.validation);
    for (const auto& [name, classifier] :
         {std::pair("guide_accuracy", s.guide.get()), {"judge_accuracy", s.judge.get()}}) {
      const std::vector<std::int64_t> seen = classes_seen(classifier->network, s.validation.images.to(s.device()));
      std::int64_t right = 0;
      for (std::size_t i = 0; i < seen.size(); ++i) right += seen[i] == labels[i] ? 1 : 0;
      const auto n = static_cast<std::int64_t>(seen.size());
      out.scores.push_back({.arm = "real_validation",
                            .name = name,
                            .value = static_cast<double>(right) / static_cast<double>(n),
                            .direction = Better::higher,
                            .n = n,
                            .interval = wilson_interval(right, n, "Wilson over samples"),
                            .protocol = "image-classifier"});
    }
    for (const WordClass& pair : s.pairs)
      out.notes.push_back(fmt::format("pair {}: the word in {} captions, {} of them of the class", s.in_words(pair),
                                      pair.all_images, pair.images));
    out.artifacts.push_back(real_picture(s.run, to_bytes(s.train.images), "samples-real.png"));
  });
}

class ClassTokens final : public Method {
 public:
  explicit ClassTokens(const nlohmann::json& config) : config_(read_config(config)) {}

  std::vector<std::string> needs() const override { return dataset_needs(config_.dataset); }
  std::vector<std::string> describe() const override;
  std::vector<std::function<void(Run&)>> shared_products() const override;
  void run(Run& run) const override;

 private:
  Config config_;
};

std::vector<std::string> ClassTokens::describe() const {
  const Config& c = config_;
  std::vector<std::string> lines = {
      fmt::format("data set: {} at {}x{}", c.dataset.name, c.dataset.size, c.dataset.size),
      fmt::format("tokens: at most {} pairs of a word and a class; {}, at most {} steps of {} images, through the last "
                  "{} calls of the network",
                  c.words.pairs, name_of(c.learn.mode, learning_mode_names), c.learn.epochs, c.learn.images,
                  c.draw.differentiated),
      fmt::format("samples: 3 arms of {} images a pair, {} steps, guidance {:g}; {} unseen templates", c.sample.count,
                  c.sample.steps, c.sample.guidance, c.sample.unseen_templates.size())};
  if (!c.last_calls.calls.empty())
    lines.push_back(fmt::format("last calls: {} of the network, {} pairs", fmt::join(c.last_calls.calls, ", "),
                                c.last_calls.pairs));
  if (!c.augmentation.real.empty())
    lines.push_back(fmt::format("augmentation: {} real images of a class, {} drawn",
                                fmt::join(c.augmentation.real, ", "), c.augmentation.drawn));
  if (c.bias.pairs > 0)
    lines.push_back(fmt::format("bias: {} pairs with a guide that saw the redder half", c.bias.pairs));
  return lines;
}

/// The text model, the classifiers and the fd-small network. Each is made only where all that is asked can be learned:
/// they may be made side by side, and the others go on to their end where one is refused.
std::vector<std::function<void(Run&)>> ClassTokens::shared_products() const {
  std::vector<std::function<void(Run&)>> products;
  const auto add = [&](const std::function<void(Run&, const LabelledImages&)>& make) {
    products.emplace_back([this, make](Run& run) {
      const LabelledImages train = load_images(run.dataset(), Split::train);
      require_learnable(config_, train);
      make(run, train);
    });
  };
  add([this](Run& run, const LabelledImages& train) {
    shared_text_model(run, config_.text_model, train, shared_text_model_seed);
  });
  add([this](Run& run, const LabelledImages& train) {
    FdSmall(run, train, config_.fd_small, config_.bootstrap);
    for (const std::uint64_t which : {0, 1})
      judging_classifier(run, config_, train, label_count(run.dataset(), config_.label), which);
  });
  return products;
}

void ClassTokens::run(Run& run) const {
  Study s(run, config_);
  const FdSmall fd(run, s.train, config_.fd_small, config_.bootstrap);
  real_images(s, fd);
  const std::vector<PairToken> tokens =
      learn_pairs(s, token_arm, static_cast<std::int64_t>(s.pairs.size()), *s.guide, config_.draw);
  evaluate(s, fd, tokens);
  if (!config_.last_calls.calls.empty()) last_calls(s);
  if (!config_.augmentation.real.empty()) augmentation(s);
  if (config_.bias.pairs > 0) bias(s);
}

}  // namespace

std::unique_ptr<Method> make_method(const nlohmann::json& config) { return std::make_unique<ClassTokens>(config); }

}  // namespace assay::class_tokens
