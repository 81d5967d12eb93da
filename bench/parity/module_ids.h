#pragma once
#include <string>
#include <vector>

namespace assay {

/// Modules that parity packs can be run against, sorted: the ids of bench/parity/modules.h.
const std::vector<std::string>& parity_modules();

}  // namespace assay
