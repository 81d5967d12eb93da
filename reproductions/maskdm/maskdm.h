#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "reproductions/method.h"

/// MaskDM (Lei et al., "Masked Diffusion Models Are Fast Distribution Learners", arXiv:2306.11363): a vision
/// transformer is trained on the visible patches of noised images alone, then on whole ones.
///
/// Arms are the chains of the configuration, trained with equal numbers of operations:
///   scratch                nothing hidden from the start
///   NAME                   any chain of masked and unmasked phases
///   NAME.masked            what the network of a chain draws after its first, masked phase
///   transferX, scratchX    fine-tuned on a share X of other images after masked pre-training; trained on them alone
///   batchB                 the first steps at one mask with batches of B
///   m0.5, ...              a training step at that mask rate
namespace assay::maskdm {

void check(const nlohmann::json& config);
std::vector<std::string> needs(const nlohmann::json& config);
std::vector<std::string> describe(const nlohmann::json& config);
MethodPlan plan(const nlohmann::json& config);
/// The product that all seeds share: the fd-small network.
void prepare_features(Run& run);
void run(Run& run);

}  // namespace assay::maskdm
