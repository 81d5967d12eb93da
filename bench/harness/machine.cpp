#include "bench/harness/machine.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <Eigen/Core>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

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
      {"libtorch", ASSAY_LIBTORCH_VERSION},
      {"eigen", fmt::format("{}.{}.{}", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION)},
      {"sqlite", sqlite3_libversion()},
      {"compiler", fmt::format("g++ {}", __VERSION__)},
      {"cuda", nullptr}};
  // Empty in a build without CUDA.
  if (const std::string cuda = ASSAY_CUDA_VERSION; !cuda.empty()) versions["cuda"] = cuda;
  return versions;
}

nlohmann::json libtorch_installation() {
  const std::filesystem::path folder = ASSAY_LIBTORCH_FOLDER;
  nlohmann::json found = {
      {"folder", folder.string()}, {"built_with", ASSAY_LIBTORCH_VERSION}, {"installed", nullptr}, {"missing", ""}};
  if (!std::filesystem::exists(folder / "lib" / "libtorch_cpu.so")) {
    found["missing"] = fmt::format("no LibTorch in {}: `make setup` installs it", folder.string());
    return found;
  }
  // The wheel has a module of Python, the archive a file of one line.
  std::string version = field_of_file((folder / "version.py").string(), "__version__");
  if (version.empty()) version = field_of_file((folder / "build-version").string(), "");
  std::erase(version, '\'');
  found["installed"] = version.empty() ? "of unknown version" : version;
  if (!version.empty() && version.substr(0, version.find('+')) != ASSAY_LIBTORCH_VERSION)
    found["missing"] =
        fmt::format("{} is another version than {}, with which this program was built: `make` builds again", version,
                    ASSAY_LIBTORCH_VERSION);
  return found;
}

}  // namespace assay
