#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace assay {

/// Letters for items such that two items share one exactly where they were not told apart (Piepho 2004): "a", "ab",
/// ... Beyond 26 groups the letters go on with aa, ab, ... and commas stand between them: "a,aa". The first letters go
/// to the first items, so give them in order of their values. `apart` lists the pairs that differ. Throws InputError
/// for an index out of range.
std::vector<std::string> tie_groups(std::int64_t items, std::span<const std::pair<std::int64_t, std::int64_t>> apart);

}  // namespace assay
