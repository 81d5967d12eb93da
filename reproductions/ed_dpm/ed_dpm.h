#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

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

void check(const nlohmann::json& config);
std::vector<std::string> needs(const nlohmann::json& config);
std::vector<std::string> describe(const nlohmann::json& config);
MethodPlan plan(const nlohmann::json& config);
/// The product that all seeds share: the fd-small network.
void prepare_features(Run& run);
void run(Run& run);

}  // namespace assay::ed_dpm
