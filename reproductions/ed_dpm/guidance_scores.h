#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "diffusion/guidance/classifier_guidance.h"
#include "reproductions/method.h"

namespace assay::ed_dpm {

/// Records what guidance met, under protocol `guidance-events`.
void record_events(const std::string& arm, const GuidanceEvents& events, const nlohmann::json& params,
                   StageOutput& out);

}  // namespace assay::ed_dpm
