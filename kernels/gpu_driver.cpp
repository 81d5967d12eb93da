#include "kernels/gpu_driver.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>

namespace assay {
namespace {

/// A function of the driver's library. All of those asked for here return 0 where they succeed.
template <class... Arguments>
bool call(void* library, const char* name, Arguments... arguments) {
  using Function = int (*)(Arguments...);
  const auto function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr && function(arguments...) == 0;
}

}  // namespace

std::optional<GpuDriver> gpu_driver() {
  // Never closed: CUDA's libraries use the same one.
  void* const library = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return std::nullopt;
  int version = 0, count = 0;
  if (!call(library, "cuInit", 0U) || !call(library, "cuDeviceGetCount", &count) || count < 1) return std::nullopt;
  GpuDriver driver;
  if (call(library, "cuDriverGetVersion", &version))
    driver.version = fmt::format("CUDA {}.{}", version / 1000, version % 1000 / 10);
  for (int device = 0; device < count; ++device) {
    std::array<char, 256> name{};
    const bool named = call(library, "cuDeviceGetName", name.data(), static_cast<int>(name.size()), device);
    driver.devices.emplace_back(named ? name.data() : "cuda");
  }
  return driver;
}

}  // namespace assay
