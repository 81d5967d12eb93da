#pragma once

namespace assay::self_guided {

/// The text of presets.json, built into the program.
extern const char* const presets_json;

}  // namespace assay::self_guided
