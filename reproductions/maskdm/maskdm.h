#pragma once
#include <memory>
#include <nlohmann/json.hpp>

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

/// With a configuration of a tier that trains networks of its own. Throws InputError where it is not a complete one.
std::unique_ptr<Method> make_method(const nlohmann::json& config);

}  // namespace assay::maskdm
