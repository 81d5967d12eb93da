#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace assay {

/// A size that /proc/self/status tells of this process, in bytes: "VmRSS" (resident now), "VmHWM" (the most that was).
/// Absent where the system does not tell it.
std::optional<std::int64_t> process_memory(const std::string& name);

/// The most memory that was resident since this program was started. Not ru_maxrss of getrusage(), which an exec
/// leaves as it was: there it holds the peak of whoever started the program as well.
std::optional<std::int64_t> peak_memory_bytes();

}  // namespace assay
