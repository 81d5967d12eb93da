#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "reproductions/method.h"

/// Tier `paper` of MaskDM: the phases of its released configurations (jiachenlei/maskdm, yaml files), each trained from
/// the online weights of the row it starts from and sampled with DDIM, or sampled from a checkpoint that is there.
///
/// A row's scores have the row's name as arm and params {"steps", "eta"}. Where a setting is not the released one, the
/// arm says "(altered)" and a note names it.
namespace assay::maskdm::paper {

/// Throws InputError: unknown keys and rows, values out of range, a row that starts from one of another network.
void check(const nlohmann::json& config);
/// A line for every file, folder and number of steps that is not there.
std::vector<std::string> needs(const nlohmann::json& config);
std::vector<std::string> describe(const nlohmann::json& config);
PublishedPlan published(const nlohmann::json& config, at::Device device);
void run(Run& run);

}  // namespace assay::maskdm::paper
