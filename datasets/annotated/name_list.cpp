#include "datasets/annotated/name_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "core/error.h"
#include "core/file.h"

namespace assay {

std::vector<std::string> read_name_list(const std::filesystem::path& file) {
  const std::string text = read_file(file);
  std::vector<std::string> names;
  std::unordered_set<std::string> seen;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::size_t first = text.find_first_not_of(" \t\r\n", at);
    if (first < end) {
      const std::size_t last = text.find_last_not_of(" \t\r", end - 1);
      names.push_back(text.substr(first, last - first + 1));
      if (!seen.insert(names.back()).second)
        throw InputError(fmt::format("{}: '{}' stands there twice", file.string(), names.back()));
    }
    at = end + 1;
  }
  if (names.empty()) throw InputError(fmt::format("{}: holds no name", file.string()));
  return names;
}

}  // namespace assay
