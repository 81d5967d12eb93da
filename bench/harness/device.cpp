#include "bench/harness/device.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/nearest.h"
#include "kernels/cuda_library.h"
#include "kernels/gpu_driver.h"

namespace assay {

at::Device choose_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  if (name != "auto" && name != "cuda") throw InputError(unknown_name_message("device", name, {"auto", "cpu", "cuda"}));
  const std::string fault = open_cuda_library();
  if (fault.empty()) return at::Device(at::kCUDA, 0);
  if (name == "auto") return at::kCPU;
  throw InputError(fmt::format("device 'cuda': {}; accepted: auto, cpu", fault));
}

std::string device_description(at::Device device) {
  if (device.is_cpu()) return "cpu";
  const auto driver = gpu_driver();
  const auto number = static_cast<std::size_t>(device.index());
  return driver && number < driver->devices.size() ? driver->devices[number] : "cuda";
}

std::string driver_version() {
  const auto driver = gpu_driver();
  return driver ? driver->version : "";
}

}  // namespace assay
