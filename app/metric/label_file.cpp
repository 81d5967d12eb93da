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

}  // namespace

std::vector<std::int64_t> read_label_file(const std::filesystem::path& file) {
  const std::string text = read_file(file);
  std::vector<std::int64_t> labels;
  labels.reserve(text.size() / 3);
  std::size_t blank_line = 0;
  std::size_t line = 0;
  for (std::size_t begin = 0; begin < text.size();) {
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
    std::int64_t label = 0;
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
