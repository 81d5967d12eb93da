#pragma once
#include <vector>

#include "reproductions/class_tokens/study.h"

namespace assay::class_tokens {

/// How much more red than green and blue each image is: the mean over pixels of R - (G + B) / 2, of [N, 3, H, W].
std::vector<double> redness(const at::Tensor& images);

/// Weights of training images for a guide that is biased about these classes: of them it sees the redder half alone, of
/// all others the half that is less red.
std::vector<double> biased_weights(const std::vector<double>& redness, const std::vector<std::int64_t>& labels,
                                   const std::vector<std::int64_t>& targets);

/// The biased guide of the first pairs' classes, made or taken from the cache.
std::shared_ptr<const JudgingClassifier> biased_guide(const Study& s);

/// Claim T8: tokens learned with a guide that has seen only the redder images of their classes. `bias_share` is the
/// share of drawn images that are redder than the median training image of their class, for the plain prompt, the token
/// of the unbiased guide and that of the biased one ("biased").
void bias(Study& s);

}  // namespace assay::class_tokens
