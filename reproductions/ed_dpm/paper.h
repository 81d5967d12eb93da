#pragma once
#include <memory>
#include <nlohmann/json.hpp>

#include "reproductions/method.h"

/// Tier `paper` of ED-DPM: the rows of its tables on ImageNet 256x256, and ADM's own at other sizes, from the official
/// checkpoints (model_card.md and README of ZGCTroy/ED-DPM at a3b9ef1607, README of openai/guided-diffusion).
///
/// A row's scores have arm NETWORK/g, g_eds or g_eds_ect and params {"gamma", "steps"}, as paper_table.json asks for
/// them. Where a setting is not the published one, the arm says "(altered)" and a note names it.
namespace assay::ed_dpm::paper {

/// Throws InputError: unknown keys and rows, values out of range, networks that do not fit each other.
std::unique_ptr<Method> make_method(const nlohmann::json& config);

}  // namespace assay::ed_dpm::paper
