#pragma once
#include <ATen/core/Tensor.h>

#include <nlohmann/json.hpp>
#include <string>

namespace assay {

/// {"cpu": model, "cores": n, "memory": text, "os": name and kernel}.
nlohmann::json machine_description();
/// {"libtorch": ..., "eigen": ..., "sqlite": ..., "cuda": ... or null, "compiler": ...}.
nlohmann::json library_versions();
/// The version of this build: release and source revision.
std::string code_version();

/// "auto", "cpu" or "cuda". Throws InputError for another word, and for "cuda" where no CUDA device can be used.
at::Device choose_device(const std::string& name);
/// As recorded: "cpu", or the GPU's name.
std::string device_description(at::Device device);
/// The GPU driver's version, or empty.
std::string driver_version();

}  // namespace assay
