#include "bench/harness/machine.h"

#include <ATen/Context.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/utsname.h>
#include <torch/version.h>
#include <unistd.h>

#include <Eigen/Core>
#include <fstream>
#include <thread>

#include "core/error.h"
#include "core/nearest.h"

#ifdef ASSAY_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

namespace assay {
namespace {

std::string field_of_file(const std::string& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const auto begin = line.find_first_not_of(" \t:=\"", key.size());
    if (begin == std::string::npos) return "";
    const auto end = line.find_last_not_of("\" \t");
    return line.substr(begin, end - begin + 1);
  }
  return "";
}

}  // namespace

nlohmann::json machine_description() {
  utsname kernel{};
  ::uname(&kernel);
  const std::string os = field_of_file("/etc/os-release", "PRETTY_NAME");
  return {{"cpu", field_of_file("/proc/cpuinfo", "model name")},
          {"cores", std::thread::hardware_concurrency()},
          {"memory", fmt::format("{:.1f} GiB", static_cast<double>(::sysconf(_SC_PHYS_PAGES)) *
                                                   static_cast<double>(::sysconf(_SC_PAGE_SIZE)) / (1 << 30))},
          {"os", fmt::format("{}, {} {}", os.empty() ? "unknown" : os, kernel.sysname, kernel.release)}};
}

nlohmann::json library_versions() {
  nlohmann::json versions = {
      {"libtorch", TORCH_VERSION},
      {"eigen", fmt::format("{}.{}.{}", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION)},
      {"sqlite", sqlite3_libversion()},
      {"compiler", fmt::format("g++ {}", __VERSION__)},
      {"cuda", nullptr}};
#ifdef ASSAY_WITH_CUDA
  versions["cuda"] = fmt::format("{}.{}", CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
#endif
  return versions;
}

std::string code_version() { return ASSAY_CODE_VERSION; }

at::Device choose_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  if (name != "auto" && name != "cuda") throw InputError(unknown_name_message("device", name, {"auto", "cpu", "cuda"}));
#ifdef ASSAY_WITH_CUDA
  if (at::globalContext().hasCUDA()) return at::Device(at::kCUDA, 0);
  const std::string why = "no CUDA device can be used on this machine";
#else
  const std::string why = "this program was built without CUDA";
#endif
  if (name == "auto") return at::kCPU;
  throw InputError(fmt::format("device 'cuda': {}; accepted: auto, cpu", why));
}

std::string device_description(at::Device device) {
  if (device.is_cpu()) return "cpu";
#ifdef ASSAY_WITH_CUDA
  cudaDeviceProp properties{};
  if (cudaGetDeviceProperties(&properties, device.index()) == cudaSuccess) return properties.name;
#endif
  return "cuda";
}

std::string driver_version() {
#ifdef ASSAY_WITH_CUDA
  int version = 0;
  if (cudaDriverGetVersion(&version) == cudaSuccess && version > 0)
    return fmt::format("CUDA {}.{}", version / 1000, version % 1000 / 10);
#endif
  return "";
}

}  // namespace assay
