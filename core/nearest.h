#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace assay {

/// The candidate with the smallest edit distance to `word`, or an empty string when none is near
/// (more than a third of the longer word, and at least two, edits away). Ties go to the earlier candidate.
std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);

/// "unknown <kind> 'x'; did you mean 'y'? known: a, b, c" for error messages.
std::string unknown_name_message(std::string_view kind, std::string_view word, const std::vector<std::string>& known);

/// The row of `table`, which outlives it, whose member `name` equals `word`: find_named(rows, &Row::id, "module",
/// "sgdm"). Throws InputError with unknown_name_message() where there is none.
template <class Row, class Name>
const Row& find_named(const std::vector<Row>& table, Name Row::*name, std::string_view kind, std::string_view word) {
  std::vector<std::string> known;
  known.reserve(table.size());
  for (const Row& row : table) {
    if (row.*name == word) return row;
    known.emplace_back(row.*name);
  }
  throw InputError(unknown_name_message(kind, word, known));
}

/// Comma-separated list.
std::string join(const std::vector<std::string>& words, std::string_view separator = ", ");

}  // namespace assay
