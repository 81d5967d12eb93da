#pragma once
#include <memory>
#include <nlohmann/json.hpp>

#include "reproductions/method.h"

/// Discriminative Class Tokens (Schwartz et al., arXiv:2303.17155): a word per class, learned so that an image
/// classifier sees the class in what a text-to-image model draws. Arms of the comparison:
///   plain   the ambiguous word alone
///   random  a random row in the place of the token: the negative control
///   token   the learned row
///   last1, last2, ..., all   rows learned through so many of the last calls of the network
///   real, real+plain, real+token   fresh classifiers of few real images, and drawn ones beside
///   biased  rows learned with a guide that has seen biased images
namespace assay::class_tokens {

/// Throws InputError where the configuration is not a complete one.
std::unique_ptr<Method> make_method(const nlohmann::json& config);

}  // namespace assay::class_tokens
