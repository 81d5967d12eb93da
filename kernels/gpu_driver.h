#pragma once
#include <optional>
#include <string>
#include <vector>

namespace assay {

/// NVIDIA's driver and the devices that it lets this process use.
struct GpuDriver {
  std::string version;               // the newest CUDA that it serves: "CUDA 13.0"
  std::vector<std::string> devices;  // names, in the order of their numbers
};

/// Asked of the driver itself, whose library comes with it, so that CUDA's own libraries need not be there. Nothing
/// where there is no driver or it serves no device.
std::optional<GpuDriver> gpu_driver();

}  // namespace assay
