#pragma once
#include <nlohmann/json.hpp>

#include "reports/gate/gate.h"

namespace assay {

/// What `assay regress` prints with --json, in the shape of docs/store.md.
nlohmann::json gate_json(const GateResult& result);

}  // namespace assay
