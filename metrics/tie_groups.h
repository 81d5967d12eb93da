#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace assay {

/// Letters for items such that two items share one exactly where they were not told apart (Piepho 2004): "a", "ab",
/// ... The first letters go to the first items, so give them in order of their values. `apart` lists the pairs that
/// differ. Throws InputError for an index out of range and beyond 26 groups.
std::vector<std::string> tie_groups(std::int64_t items, std::span<const std::pair<std::int64_t, std::int64_t>> apart);

}  // namespace assay
