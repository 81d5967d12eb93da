#pragma once
#include <memory>
#include <nlohmann/json.hpp>

#include "reproductions/method.h"

/// ED-DPM (Zheng et al., arXiv:2206.11474): classifier guidance whose gradient is scaled by the inverse entropy of the
/// classifier (EDS), and a classifier trained against over-confidence (ECT).
///
/// Arms, each on the unconditional (`uncond/`) and the conditional (`cond/`) diffusion network:
///   unguided      no classifier
///   g             classifier guidance (ADM)
///   g_eds         with the entropy scale
///   g_ect         g with the classifier of ECT
///   g_eds_ect     both
/// Every guided arm has its own gamma, chosen from a grid on one set of sample seeds and reported on another.
namespace assay::ed_dpm {

/// With a configuration of a tier that trains networks of its own. Throws InputError where it is not a complete one.
std::unique_ptr<Method> make_method(const nlohmann::json& config);

}  // namespace assay::ed_dpm
