#pragma once

namespace assay::maskdm {

/// The texts of presets.json, claims.json and paper_table.json, built into the program.
extern const char* const presets_json;
extern const char* const claims_json;
extern const char* const paper_table_json;

}  // namespace assay::maskdm
