#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace assay {

/// Runs our module on a reference pack (pack.json, state.safetensors, cases.safetensors) and compares every output:
/// |got - want| <= atol + rtol |want| for each element, integers equal, infinities and NaN in the same places.
/// Returns {"pack", "module", "ok", "cases": [{"name", "output", "max_abs", "max_rel", "ok"}]}; max_abs and max_rel are
/// over finite elements. Runs in float32 on the CPU with one thread.
/// Throws InputError when the folder is no pack, its files are broken, its weights do not fit its configuration, or its
/// module is not in parity_modules().
nlohmann::json check_parity(const std::filesystem::path& pack);

/// The packs that `path` names: itself where it holds a pack.json, else the folders below it that do and whose module
/// is known; what is passed over goes to `skipped`. Throws InputError when there is none.
std::vector<std::filesystem::path> find_packs(const std::filesystem::path& path, std::vector<std::string>& skipped);

}  // namespace assay
