#include "metrics/features/small_features.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <numbers>
#include <set>

#include "core/config.h"
#include "core/error.h"
#include "core/philox.h"
#include "metrics/features/augment.h"

namespace assay {
namespace {

std::set<std::string> words_of(const std::string& caption) {
  std::set<std::string> words;
  std::string word;
  for (const char c : caption + ' ') {
    if (std::isalpha(static_cast<unsigned char>(c))) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      continue;
    }
    if (word.size() >= 2) words.insert(word);
    word.clear();
  }
  return words;
}

ConvEncoderConfig encoder_config(std::size_t vocabulary, const SmallFeaturesOptions& options) {
  if (vocabulary == 0)
    throw InputError(
        fmt::format("fd-small: no word occurs in {} captions; lower least_occurrences", options.least_occurrences));
  return {options.width, options.features, static_cast<std::int64_t>(vocabulary)};
}

}  // namespace

SmallFeaturesOptions read_small_features_options(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  SmallFeaturesOptions o;
  o.width = reader.integer("width", o.width, 8, 1024);
  o.features = reader.integer("features", o.features, 2, 2048);
  o.steps = reader.integer("steps", o.steps, 1);
  o.batch = reader.integer("batch", o.batch, 1, 1 << 16);
  o.learning_rate = reader.real("learning_rate", o.learning_rate, 1e-9, 1.0);
  o.weight_decay = reader.real("weight_decay", o.weight_decay, 0.0, 10.0);
  o.least_occurrences = reader.integer("least_occurrences", o.least_occurrences, 1);
  reader.finish();
  return o;
}

nlohmann::json to_json(const SmallFeaturesOptions& o) {
  return {{"width", o.width},
          {"features", o.features},
          {"steps", o.steps},
          {"batch", o.batch},
          {"learning_rate", o.learning_rate},
          {"weight_decay", o.weight_decay},
          {"least_occurrences", o.least_occurrences}};
}

std::vector<std::string> caption_vocabulary(const std::vector<std::string>& captions, std::int64_t least) {
  std::map<std::string, std::int64_t> counts;
  for (const std::string& caption : captions)
    for (const std::string& word : words_of(caption)) ++counts[word];
  std::vector<std::string> vocabulary;
  for (const auto& [word, n] : counts)
    if (n >= least) vocabulary.push_back(word);
  return vocabulary;
}

ConvEncoder empty_small_features(const std::vector<std::string>& captions, const SmallFeaturesOptions& options) {
  return ConvEncoder(encoder_config(caption_vocabulary(captions, options.least_occurrences).size(), options), 0);
}

ConvEncoder train_small_features(const at::Tensor& images, const std::vector<std::string>& captions,
                                 const SmallFeaturesOptions& options, std::uint64_t seed,
                                 const std::function<void(std::int64_t, double)>& progress) {
  const auto vocabulary = caption_vocabulary(captions, options.least_occurrences);
  const std::int64_t n = images.size(0), words = static_cast<std::int64_t>(vocabulary.size());
  ConvEncoder encoder(encoder_config(vocabulary.size(), options), seed, images.device());

  at::Tensor targets = at::zeros({n, words}, at::kFloat);
  for (std::int64_t i = 0; i < n; ++i)
    for (const std::string& word : words_of(captions[static_cast<std::size_t>(i)])) {
      const auto it = std::lower_bound(vocabulary.begin(), vocabulary.end(), word);
      if (it != vocabulary.end() && *it == word)
        targets.mutable_data_ptr<float>()[i * words + (it - vocabulary.begin())] = 1;
    }
  targets = targets.to(images.device());

  Augmentation ranges;
  ranges.shift = 1.0 / 16;
  ranges.brightness = 0.1;
  for (std::int64_t step = 0; step < options.steps; ++step) {
    at::Tensor index = at::empty({options.batch}, at::kLong);
    RandomStream random(seed, Purpose::order, static_cast<std::uint64_t>(step));
    for (std::int64_t i = 0; i < options.batch; ++i)
      index.mutable_data_ptr<std::int64_t>()[i] =
          static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(n)));
    index = index.to(images.device());
    const at::Tensor batch =
        augment(at::index_select(images, 0, index), ranges, seed, static_cast<std::uint64_t>(step * options.batch));
    const at::Tensor logits = encoder.head(encoder.features(encoder.pooled(batch)));
    const at::Tensor loss = at::binary_cross_entropy_with_logits(logits, at::index_select(targets, 0, index));
    const double progress_share = static_cast<double>(step) / static_cast<double>(options.steps);
    encoder.descend(loss * static_cast<double>(words),
                    options.learning_rate * 0.5 * (1 + std::cos(std::numbers::pi * progress_share)),
                    options.weight_decay);
    if (progress) progress(step + 1, loss.item<double>());
  }
  return encoder;
}

}  // namespace assay
