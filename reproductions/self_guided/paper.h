#pragma once
#include <memory>
#include <nlohmann/json.hpp>

#include "reproductions/method.h"

/// Tier `paper` of Self-Guided Diffusion: the runs that the authors' README describes, sampled and scored from
/// checkpoints that their trainer made. They publish none, and which FID their tables print is unknown.
///
/// A row's scores have an arm as in the other tiers (`label`, `self_label_kK`, `self_box`, `self_mask`, `attr`) behind
/// the name of its data set, and params {"w", "w_cfg", "steps"}.
namespace assay::self_guided::paper {

/// Throws InputError: unknown keys and rows, values out of range, conditions that do not fit the network.
std::unique_ptr<Method> make_method(const nlohmann::json& config);

}  // namespace assay::self_guided::paper
