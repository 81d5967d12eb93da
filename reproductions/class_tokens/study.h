#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "reproductions/class_tokens/config.h"
#include "reproductions/method.h"
#include "reproductions/samples/image_tensors.h"
#include "reproductions/samples/sample_passes.h"

namespace assay::class_tokens {

/// An image classifier in the cache, and what names it.
struct JudgingClassifier {
  ConvEncoder network;
  std::string hash;
};

/// What all stages of a run share. Text model and classifiers are those of all seeds: a seed is the noise of its images
/// and what is drawn with it.
struct Study {
  Run& run;
  const Config& config;
  LabelledImages train, validation;
  std::int64_t classes;
  std::vector<std::string> class_names;
  std::vector<WordClass> pairs;
  std::shared_ptr<const TextToImage> model;
  std::shared_ptr<const JudgingClassifier> guide, judge;

  /// Makes text model and classifiers, or finds them in the cache.
  Study(Run& r, const Config& c);
  /// The same with the run of one part of it.
  Study(const Study& whole, Run& part);

  const std::vector<std::int64_t>& labels(const LabelledImages& images) const {
    return labels_of(images, config.label);
  }
  at::Device device() const { return run.device(); }
  /// "bat -> animal-mammal".
  std::string in_words(const WordClass& pair) const;
  /// The pair as a part of the names of stages and files: "bat_animal-mammal".
  std::string name_of(const WordClass& pair) const;
};

/// The text-to-image model of the configuration, trained on the captions or taken from the cache: one for all seeds.
std::shared_ptr<const TextToImage> text_model(Run& run, const Config& config, const LabelledImages& train);

/// The classifier that guides (`which` 0) or judges (1), of one architecture and other first weights and order.
/// `weights`: of the training images, see train_image_classifier(); `bias` names them.
std::shared_ptr<const JudgingClassifier> judging_classifier(Run& run, const Config& config, const LabelledImages& train,
                                                            std::int64_t classes, std::uint64_t which,
                                                            const std::vector<double>& weights = {},
                                                            const std::string& bias = "");

/// What the accuracies of a stage are measured with.
ProtocolUse accuracy_protocol(const Study& s);

/// Noise of a pair's images: those that are compared are [0, count); a token is trained on numbers from there on.
std::int64_t first_noise(std::int64_t pair);
/// Logits of a classifier for the images that a painter draws for a pair, as learn_token() asks for them.
TokenLogits logits_of(const Study& s, const TokenPainter& painter, const JudgingClassifier& classifier,
                      std::int64_t pair);

/// The prompt of a pair with the token, and with the initial word in its place.
std::string token_prompt(const Study& s, std::int64_t pair, const std::string& prompt_template);
std::string plain_prompt(const Study& s, std::int64_t pair, const std::string& prompt_template);

/// The images [pairs * count, 3, H, W] uint8 that one prompt of each of the first pairs gives, pair after pair; image i
/// of a pair has the same noise in every arm.
struct PairPrompt {
  std::string prompt;
  TokenRows rows;  // what the token stands for, if the prompt has it
};
at::Tensor draw_pairs(const Study& s, const std::vector<PairPrompt>& prompts, std::int64_t count,
                      const std::string& what);

/// A picture of an arm's images of the first pairs, sample.count of each, pair after pair: a row of at most ten for
/// each of at most six pairs, whose words and classes it carries along.
Artifact pair_picture(const Study& s, const std::string& arm, const at::Tensor& bytes);

/// The accuracies of images of the first pairs, pair after pair and equally many of each, by guide and judge: over all,
/// and of each pair where `by_pair`. Protocol accuracy_protocol().
std::vector<Score> accuracies(const Study& s, const std::string& arm, const at::Tensor& bytes,
                              const nlohmann::json& params, bool by_pair);

}  // namespace assay::class_tokens
