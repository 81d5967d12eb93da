#pragma once
#include <memory>
#include <nlohmann/json.hpp>

#include "reproductions/method.h"

/// Tier `paper` of MaskDM: the phases of its released configurations (jiachenlei/maskdm, yaml files), each trained from
/// the online weights of the row it starts from and sampled with DDIM, or sampled from a checkpoint that is there.
///
/// A row's scores have the row's name as arm and params {"steps", "eta"}. Where a setting is not the released one, the
/// arm says "(altered)" and a note names it.
namespace assay::maskdm::paper {

/// Throws InputError: unknown keys and rows, values out of range, a row that starts from one of another network.
std::unique_ptr<Method> make_method(const nlohmann::json& config);

}  // namespace assay::maskdm::paper
