#include "app/metric/label_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "core/array_file.h"
#include "core/error.h"
#include "core/file.h"
#include "images/label_array.h"
#include "images/set_layout.h"

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

/// Nothing where the word is no number; else the label, or why the number is none.
struct Parsed {
  std::optional<std::int64_t> label;
  const char* fault = nullptr;
};

/// An integer, or one as NumPy's savetxt writes it by default: 2.000000000000000000e+00.
Parsed parse_label(std::string_view word) {
  if (word.size() > 1 && word.front() == '+' && word[1] != '-') word.remove_prefix(1);
  const char *begin = word.data(), *end = begin + word.size();
  std::int64_t label = 0;
  const auto whole = std::from_chars(begin, end, label);
  if (whole.ec == std::errc::result_out_of_range && whole.ptr == end) return {{}, "does not fit in 64 bits"};
  if (whole.ec == std::errc() && whole.ptr == end) return {label};
  double value = 0.0;
  const auto real = std::from_chars(begin, end, value);
  if (real.ec != std::errc() || real.ptr != end || !std::isfinite(value)) return {};
  if (value != std::trunc(value)) return {{}, "is no integer"};
  constexpr double exact = 9007199254740992.0;  // 2^53: beyond, several integers are one double
  if (std::abs(value) > exact) return {{}, "is beyond 2^53, where a floating-point number is no longer one integer"};
  return {static_cast<std::int64_t>(value)};
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/// What a line is instead of a label, for a message.
std::string fault_of(std::string_view word) {
  const std::string shown = printable(word.substr(0, 40));
  if (const Parsed parsed = parse_label(word); parsed.fault != nullptr)
    return fmt::format("'{}' {}", shown, parsed.fault);
  const std::size_t first = std::min(word.find_first_of(" \t,;"), word.size()),
                    second = word.find_first_not_of(" \t,;", first);
  if (second != std::string_view::npos && parse_label(word.substr(0, first)).label)
    return fmt::format("'{}' is more than one label", shown);
  return fmt::format("'{}' is not a label", shown);
}

/// Refuses what is no text, by its first bytes.
void check_is_text(std::string_view text, const std::filesystem::path& file) {
  const auto begins = [&](std::string_view mark) { return text.substr(0, mark.size()) == mark; };
  const auto refuse = [&](const char* what) {
    throw InputError(fmt::format("{}: {}; expected one integer a line", file.string(), what));
  };
  if (begins("\xff\xfe") || begins("\xfe\xff")) refuse("UTF-16, not UTF-8 text");
}

/// The labels of an .npy file, or of an .npz file with one array or one under a name of labels.
std::vector<std::int64_t> read_numpy_labels(const std::filesystem::path& file) {
  const ArrayFile arrays(file);
  const std::string name = arrays.names().size() == 1 ? arrays.names().front() : label_name_in(arrays);
  if (name.empty())
    throw InputError(fmt::format("{}: holds {}; expected one array, or `labels`", file.string(), contents_of(arrays)));
  const ArrayHeader& header = arrays.header(name);
  // Each file would number its words by itself.
  if (header.text || header.numel() == 0 || header.shape.empty())
    throw InputError(
        fmt::format("{} holds {}; expected integers, one an item", arrays.where(name), header.description()));
  const bool list = header.shape[0] == 1 || header.row_numel() == 1;
  LabelArray found = read_labels(arrays, name, list ? header.numel() : header.shape[0]);
  if (!found.fault.empty()) throw InputError(found.fault);
  return std::move(found.labels);
}

}  // namespace

std::vector<std::int64_t> read_label_file(const std::filesystem::path& file) {
  const std::string content = read_file(file);
  if (content.starts_with("\x93NUMPY") || content.starts_with("PK\x03\x04")) return read_numpy_labels(file);
  check_is_text(content, file);
  std::string_view text = content;
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.substr(0, byte_order_mark.size()) == byte_order_mark) text.remove_prefix(byte_order_mark.size());
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
    if (end == std::string_view::npos) end = text.size();
    ++line;
    std::string_view word = text.substr(begin, end - begin);
    begin = end + 1;
    while (!word.empty() && is_space(word.back())) word.remove_suffix(1);
    while (!word.empty() && is_space(word.front())) word.remove_prefix(1);
    if (word.empty()) {
      if (blank_line == 0) blank_line = line;
      continue;
    }
    if (word.front() == '#') continue;  // as NumPy's savetxt writes headers and footers
    if (blank_line > 0)
      throw InputError(fmt::format("{}:{}: an empty line; expected one integer a line", file.string(), blank_line));
    const Parsed parsed = parse_label(word);
    if (!parsed.label)
      throw InputError(fmt::format("{}:{}: {}; expected one integer a line", file.string(), line, fault_of(word)));
    label = *parsed.label;
    labels.push_back(label);
  }
  if (labels.empty()) throw InputError(fmt::format("{}: no labels; expected one integer a line", file.string()));
  return labels;
}

}  // namespace assay
