#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "reproductions/method.h"

/// Tier `paper` of ED-DPM: the rows of its tables on ImageNet 256x256, and ADM's own at other sizes, from the official
/// checkpoints (model_card.md and README of ZGCTroy/ED-DPM at a3b9ef1607, README of openai/guided-diffusion).
///
/// A row's scores have arm NETWORK/g, g_eds or g_eds_ect and params {"gamma", "steps"}, as paper_table.json asks for
/// them. Where a setting is not the published one, the arm says "(altered)" and a note names it.
namespace assay::ed_dpm::paper {

/// Throws InputError: unknown keys and rows, values out of range, networks that do not fit each other.
void check(const nlohmann::json& config);
/// A line for every file that is not there.
std::vector<std::string> needs(const nlohmann::json& config);
std::vector<std::string> describe(const nlohmann::json& config);
PublishedPlan published(const nlohmann::json& config, at::Device device);
void run(Run& run);

}  // namespace assay::ed_dpm::paper
