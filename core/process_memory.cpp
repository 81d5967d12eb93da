#include "core/process_memory.h"

#include <charconv>
#include <fstream>

namespace assay {

std::optional<std::int64_t> process_memory(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(name + ":")) continue;
    // "VmHWM:     12345 kB"
    const auto begin = line.find_first_not_of(" \t", name.size() + 1);
    if (begin == std::string::npos || !line.ends_with(" kB")) return std::nullopt;
    std::int64_t kibibytes = 0;
    const auto [end, code] = std::from_chars(line.data() + begin, line.data() + line.size(), kibibytes);
    if (code != std::errc() || kibibytes <= 0) return std::nullopt;
    return kibibytes * 1024;
  }
  return std::nullopt;
}

std::optional<std::int64_t> peak_memory_bytes() { return process_memory("VmHWM"); }

}  // namespace assay
