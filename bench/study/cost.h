#pragma once
#include <c10/core/Device.h>

#include <nlohmann/json.hpp>
#include <string>

namespace assay {

/// How long one seed of a block takes on one thread of this machine, from timed passes of its networks: a training step
/// counts as three passes of its batch. Metrics, clusters and the making of data are left out, so that the truth is
/// more. `how` says what was timed. The networks of equal configurations are timed once.
double unit_seconds(const nlohmann::json& block_config, c10::Device device, std::string& how);

}  // namespace assay
