#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace assay {

/// The candidate with the smallest edit distance to `word`, or an empty string when none is near
/// (more than a third of the longer word, and at least two, edits away). Ties go to the earlier candidate.
std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);

/// "unknown <kind> 'x'; did you mean 'y'? known: a, b, c" for error messages.
std::string unknown_name_message(std::string_view kind, std::string_view word, const std::vector<std::string>& known);

/// Comma-separated list.
std::string join(const std::vector<std::string>& words, std::string_view separator = ", ");

}  // namespace assay
