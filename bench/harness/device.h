#pragma once
#include <c10/core/Device.h>

#include <string>

namespace assay {

/// "auto", "cpu" or "cuda". Throws InputError for another word, and for "cuda" where no CUDA device can be used. CUDA's
/// libraries are loaded where a device is there and "cpu" was not asked for.
at::Device choose_device(const std::string& name);
/// As recorded: "cpu", or the GPU's name.
std::string device_description(at::Device device);
/// The GPU driver's version, or empty.
std::string driver_version();

}  // namespace assay
