#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace assay {

/// {"cpu": model, "cores": n, "memory": text, "os": name and kernel}.
nlohmann::json machine_description();
/// {"libtorch": ..., "eigen": ..., "sqlite": ..., "cuda": ... or null, "compiler": ...}.
nlohmann::json library_versions();
/// The LibTorch that this program was built with, and what is installed in its place now, without loading it:
/// {"folder", "built_with", "installed" (null where there is none), "missing" (how to get it; empty where it is
/// there)}.
nlohmann::json libtorch_installation();
/// The version of this build: release and source revision.
std::string code_version();

}  // namespace assay
