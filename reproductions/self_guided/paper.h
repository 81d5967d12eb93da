#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "reproductions/method.h"

/// Tier `paper` of Self-Guided Diffusion: the runs that the authors' README describes, sampled and scored from
/// checkpoints that their trainer made. They publish none, and which FID their tables print is unknown.
///
/// A row's scores have an arm as in the other tiers (`label`, `self_label_kK`, `self_box`, `self_mask`, `attr`) behind
/// the name of its data set, and params {"w", "w_cfg", "steps"}.
namespace assay::self_guided::paper {

/// Throws InputError: unknown keys and rows, values out of range, conditions that do not fit the network.
void check(const nlohmann::json& config);
/// A line for every file that is not there.
std::vector<std::string> needs(const nlohmann::json& config);
std::vector<std::string> describe(const nlohmann::json& config);
PublishedPlan published(const nlohmann::json& config, at::Device device);
void run(Run& run);

}  // namespace assay::self_guided::paper
