#pragma once
#include <string_view>

namespace assay {

/// The order in which people list names: runs of decimal digits count as numbers of any size, so that "2" comes before
/// "10", and everything else by bytes. '/' comes before every other byte: a folder's entries stay together. Of names
/// that differ in leading zeros alone the shorter run comes first. A total order of different names.
bool natural_less(std::string_view a, std::string_view b);

/// A run of decimal digits without its leading zeros; "0" for zeros alone.
std::string_view without_leading_zeros(std::string_view digits);

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace assay
