#pragma once
#include <memory>
#include <nlohmann/json.hpp>

#include "reproductions/method.h"

/// Tier `paper`: tokens for the classes of a published classifier, learned in Stable Diffusion from its own weights,
/// and the classifier's accuracy on what they draw. A row is a classifier and its model; its cells are unknown.
namespace assay::class_tokens::paper {

/// Throws InputError where the configuration is not a complete one.
std::unique_ptr<Method> make_method(const nlohmann::json& config);

}  // namespace assay::class_tokens::paper
