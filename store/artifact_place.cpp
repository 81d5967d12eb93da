#include "store/artifact_place.h"

#include <algorithm>
#include <filesystem>

namespace assay {

bool lies_in_store_folder(const std::string& path) {
  // A zero byte would end the name where the system reads it.
  if (path.empty() || path.find('\0') != std::string::npos) return false;
  const std::filesystem::path given = path;
  return given.is_relative() && std::none_of(given.begin(), given.end(), [](const auto& part) { return part == ".."; });
}

}  // namespace assay
