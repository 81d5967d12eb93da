#include "reproductions/class_tokens/refusals.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "reproductions/class_tokens/algorithm/prompts.h"

namespace assay::class_tokens {
namespace {

void require_prompts(const Config& config, const std::vector<WordClass>& pairs,
                     const std::vector<std::string>& captions) {
  const TextModelOptions& model = config.text_model;
  const TokenPrompts prompts(ClipTokenizer::learned(captions, model.merges, model.length), config.token.word);
  std::vector<std::string> words;
  words.reserve(pairs.size());
  for (const WordClass& pair : pairs) words.push_back(pair.word);
  prompts.require(config.templates, config.token.initial, words);
  prompts.require(config.sample.unseen_templates, config.token.initial, words);
}

/// Classes may have fewer images than are asked for, but not all of them.
void require_real_images(const AugmentationConfig& config, const std::vector<WordClass>& pairs,
                         const std::vector<std::int64_t>& labels) {
  std::int64_t most = 0;
  for (const WordClass& pair : pairs)
    most = std::max<std::int64_t>(most, std::count(labels.begin(), labels.end(), pair.target));
  for (const std::int64_t asked : config.real)
    if (asked > most)
      throw InputError(
          fmt::format("augmentation.real: {}; accepted: at most {}, the training images of the largest class of a pair",
                      asked, most));
}

}  // namespace

void require_learnable(const Config& config, const LabelledImages& train) {
  const std::vector<std::int64_t>& labels = labels_of(train, config.label);
  const std::vector<WordClass> pairs = choose_word_classes(train.captions, labels, config.words);
  require_prompts(config, pairs, train.captions);
  require_real_images(config.augmentation, pairs, labels);
}

}  // namespace assay::class_tokens
