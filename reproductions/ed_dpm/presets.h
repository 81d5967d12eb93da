#pragma once

namespace assay::ed_dpm {

/// presets.json as it was when the program was built.
extern const char* const presets_json;

}  // namespace assay::ed_dpm
