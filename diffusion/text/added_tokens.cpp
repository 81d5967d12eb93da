#include "diffusion/text/added_tokens.h"

#include <algorithm>

namespace assay {

void AddedTokenFinder::add(const std::string& text, std::int64_t id) {
  if (text.empty()) return;
  std::vector<Entry>& entries = by_first_byte_[static_cast<unsigned char>(text[0])];
  const auto place =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.text.size() < text.size(); });
  entries.insert(place, {text, id});
}

std::vector<AddedTokenFinder::Part> AddedTokenFinder::divide(std::string_view text) const {
  std::vector<Part> parts;
  std::size_t begin = 0, at = 0;
  while (at < text.size()) {
    const std::vector<Entry>& entries = by_first_byte_[static_cast<unsigned char>(text[at])];
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [&](const Entry& entry) { return text.substr(at).starts_with(entry.text); });
    if (found == entries.end()) {
      ++at;
      continue;
    }
    if (at > begin) parts.emplace_back(text.substr(begin, at - begin));
    parts.emplace_back(found->id);
    at += found->text.size();
    begin = at;
  }
  if (begin < text.size()) parts.emplace_back(text.substr(begin));
  return parts;
}

}  // namespace assay
