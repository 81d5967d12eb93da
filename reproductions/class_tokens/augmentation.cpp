#include "reproductions/class_tokens/augmentation.h"

#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

#include "core/philox.h"
#include "kernels/host_tensor.h"
#include "reproductions/class_tokens/evaluation.h"

namespace assay::class_tokens {
namespace {

/// Images and the number of the pair whose class each shows.
struct PairImages {
  std::vector<std::int64_t> rows, pairs;
};

/// The images of the pairs' classes in a split, at most `most` of each, chosen by the seed.
PairImages real_images_of(const Study& s, const LabelledImages& images, std::int64_t most) {
  const std::vector<std::int64_t>& labels = s.labels(images);
  PairImages chosen;
  for (std::size_t pair = 0; pair < s.pairs.size(); ++pair) {
    std::vector<std::int64_t> rows;
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (labels[i] == s.pairs[pair].target) rows.push_back(static_cast<std::int64_t>(i));
    RandomStream random(s.run.seed(), Purpose::dataset, pair);
    const std::vector<std::int64_t> order = permutation(static_cast<std::int64_t>(rows.size()), random);
    for (std::int64_t i = 0; i < std::min<std::int64_t>(most, static_cast<std::int64_t>(rows.size())); ++i) {
      chosen.rows.push_back(rows[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])]);
      chosen.pairs.push_back(static_cast<std::int64_t>(pair));
    }
  }
  return chosen;
}

/// How many of the pairs have fewer than `asked` images.
std::int64_t classes_with_fewer(const PairImages& images, std::size_t pairs, std::int64_t asked) {
  std::int64_t fewer = 0;
  for (std::size_t pair = 0; pair < pairs; ++pair)
    fewer += std::count(images.pairs.begin(), images.pairs.end(), static_cast<std::int64_t>(pair)) < asked ? 1 : 0;
  return fewer;
}

struct Balanced {
  double accuracy = 0;
  std::int64_t images = 0;
};

/// The mean over the classes that have held-out images.
Balanced balanced_accuracy(const ConvEncoder& classifier, const at::Tensor& images,
                           const std::vector<std::int64_t>& pairs, std::size_t classes) {
  const std::vector<std::int64_t> seen = classes_seen(classifier, images);
  std::vector<std::int64_t> right(classes, 0), all(classes, 0);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const auto pair = static_cast<std::size_t>(pairs[i]);
    ++all[pair];
    right[pair] += seen[i] == pairs[i] ? 1 : 0;
  }
  double sum = 0;
  std::int64_t counted = 0;
  for (std::size_t pair = 0; pair < classes; ++pair)
    if (all[pair] > 0) sum += static_cast<double>(right[pair]) / static_cast<double>(all[pair]), ++counted;
  return {counted > 0 ? sum / static_cast<double>(counted) : 0.0, static_cast<std::int64_t>(seen.size())};
}

/// The first `drawn` images of every pair in what an arm of evaluate() drew.
at::Tensor drawn_images(const Study& s, const std::string& arm) {
  const at::Tensor bytes = evaluated_images(s, arm);
  std::vector<at::Tensor> parts;
  parts.reserve(s.pairs.size());
  for (std::size_t pair = 0; pair < s.pairs.size(); ++pair)
    parts.push_back(
        bytes.narrow(0, static_cast<std::int64_t>(pair) * s.config.sample.count, s.config.augmentation.drawn));
  return from_bytes(at::cat(parts));
}

}  // namespace

void augmentation(Study& s) {
  const AugmentationConfig& config = s.config.augmentation;
  std::vector<std::function<void(Run&)>> parts;
  for (const std::int64_t n : config.real)
    parts.emplace_back([&s, &config, n](Run& part) {
      const Study own(s, part);
      part.stage(fmt::format("augmentation:{}", n), [&](StageOutput& out) {
        const PairImages few = real_images_of(own, own.train, n),
                         held_out = real_images_of(own, own.validation,
                                                   static_cast<std::int64_t>(own.validation.images.size(0)));
        const at::Tensor real = rows_of(own.train.images, std::span<const std::int64_t>(few.rows)),
                         test = rows_of(own.validation.images, std::span<const std::int64_t>(held_out.rows));
        if (const std::int64_t fewer = classes_with_fewer(few, own.pairs.size(), n); fewer > 0)
          out.notes.push_back(
              fmt::format("augmentation: {} of {} classes have fewer than {} training images, all of "
                          "which are taken",
                          fewer, own.pairs.size(), n));
        out.protocols.push_back({.name = "augmentation", .choices = {{"classifier", to_json(config.classifier)}}});
        for (const auto& [arm, added] : {std::pair<const char*, const char*>{"real", nullptr},
                                         {"real+plain", plain_arm},
                                         {"real+token", token_arm}}) {
          at::Tensor images = real;
          std::vector<std::int64_t> pairs = few.pairs;
          if (added) {
            images = at::cat({real, drawn_images(own, added)});
            for (std::size_t pair = 0; pair < own.pairs.size(); ++pair)
              pairs.insert(pairs.end(), static_cast<std::size_t>(config.drawn), static_cast<std::int64_t>(pair));
          }
          const ConvEncoder classifier = train_image_classifier(
              images.to(own.device()), pairs, static_cast<std::int64_t>(own.pairs.size()), config.classifier,
              own.run.seed(), part.progress(fmt::format("train {} {}", arm, n), config.classifier.steps, "steps"));
          const Balanced found = balanced_accuracy(classifier, test.to(own.device()), held_out.pairs, own.pairs.size());
          out.scores.push_back({.arm = arm,
                                .name = "balanced_accuracy",
                                .value = found.accuracy,
                                .direction = Better::higher,
                                .n = found.images,
                                .protocol = "augmentation",
                                .params = {{"real", n}}});
        }
      });
    });
  s.run.side_by_side(parts);
}

}  // namespace assay::class_tokens
