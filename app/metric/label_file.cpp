#include "app/metric/label_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/file.h"

namespace assay {

namespace {

/// What a message can show: of a binary file, a question mark for each byte that is no ASCII text.
std::string printable(std::string_view text) {
  std::string shown(text);
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return shown;
}

/// The label of a line that holds nothing but one of at most 18 digits, which nearly all lines do; moves past the line
/// then, and returns false otherwise.
bool plain_label(const char*& at, const char* end, std::int64_t& label) {
  const char* from = at;
  const bool negative = from != end && *from == '-';
  if (negative) ++from;
  const char* stop = from;
  std::int64_t value = 0;
  for (; stop != end && *stop >= '0' && *stop <= '9'; ++stop) {
    if (stop - from == 18) return false;
    value = 10 * value + (*stop - '0');
  }
  if (stop == from || stop == end || *stop != '\n') return false;
  label = negative ? -value : value;
  at = stop + 1;
  return true;
}

}  // namespace

std::vector<std::int64_t> read_label_file(const std::filesystem::path& file) {
  const std::string text = read_file(file);
  std::vector<std::int64_t> labels;
  labels.reserve(text.size() / 3);
  std::size_t blank_line = 0;
  std::size_t line = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const char* at = text.data() + begin;
    std::int64_t label = 0;
    if (blank_line == 0 && plain_label(at, text.data() + text.size(), label)) {
      ++line;
      labels.push_back(label);
      begin = static_cast<std::size_t>(at - text.data());
      continue;
    }
    std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) end = text.size();
    ++line;
    std::string_view word(text.data() + begin, end - begin);
    begin = end + 1;
    while (!word.empty() && (word.back() == '\r' || word.back() == ' ' || word.back() == '\t')) word.remove_suffix(1);
    while (!word.empty() && (word.front() == ' ' || word.front() == '\t')) word.remove_prefix(1);
    if (word.empty()) {
      if (blank_line == 0) blank_line = line;
      continue;
    }
    if (blank_line > 0)
      throw InputError(fmt::format("{}:{}: an empty line; expected one integer a line", file.string(), blank_line));
    const auto [stop, fault] = std::from_chars(word.data(), word.data() + word.size(), label);
    if (fault != std::errc() || stop != word.data() + word.size())
      throw InputError(fmt::format("{}:{}: '{}' is not a label; expected one integer a line", file.string(), line,
                                   printable(word.substr(0, 40))));
    labels.push_back(label);
  }
  if (labels.empty()) throw InputError(fmt::format("{}: no labels; expected one integer a line", file.string()));
  return labels;
}

}  // namespace assay
