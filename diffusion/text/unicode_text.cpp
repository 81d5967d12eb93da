#include "diffusion/text/unicode_text.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>

#include "core/error.h"

namespace assay {
namespace {

struct Range {
  char32_t first, last;
};

/// Letters and numbers of Unicode 15.1 and 16, which utf8proc 2.8 does not know: newer ones agree with these.
constexpr Range later_letters[] = {{0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3},
                                   {0x10D4A, 0x10D65}, {0x10D6F, 0x10D85}, {0x10EC2, 0x10EC4}, {0x11380, 0x11389},
                                   {0x1138B, 0x1138B}, {0x1138E, 0x1138E}, {0x11390, 0x113B5}, {0x113B7, 0x113B7},
                                   {0x113D1, 0x113D1}, {0x113D3, 0x113D3}, {0x11BC0, 0x11BE0}, {0x13460, 0x143FA},
                                   {0x16100, 0x1611D}, {0x16D40, 0x16D6C}, {0x18CFF, 0x18CFF}, {0x1E5D0, 0x1E5ED},
                                   {0x1E5F0, 0x1E5F0}, {0x2EBF0, 0x2EE5D}};
constexpr Range later_numbers[] = {{0x10D40, 0x10D49}, {0x116D0, 0x116E3}, {0x11BF0, 0x11BF9}, {0x16130, 0x16139},
                                   {0x16D70, 0x16D79}, {0x1CCF0, 0x1CCF9}, {0x1E5F1, 0x1E5FA}};

/// Combining marks of Unicode 10 to 16, and one half of a pair that 13 composes. The normal form that tokenizers was
/// written for is that of Unicode 9, where they are not defined: none of them is moved before another, and none is
/// composed.
constexpr Range later_marks[] = {
    {0x07FD, 0x07FD},   {0x0897, 0x089F},   {0x08CA, 0x08D3},   {0x09FE, 0x09FE},   {0x0C3C, 0x0C3C},
    {0x0D3B, 0x0D3C},   {0x0EBA, 0x0EBA},   {0x1715, 0x1715},   {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},
    {0xA82C, 0xA82C},   {0x10D24, 0x10D27}, {0x10D69, 0x10D6D}, {0x10EAB, 0x10EAC}, {0x10EFC, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x113CE, 0x113D0},
    {0x113E1, 0x113E2}, {0x1145E, 0x1145E}, {0x1612F, 0x1612F}, {0x11839, 0x1183A}, {0x11930, 0x11930},
    {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47},
    {0x11A99, 0x11A99}, {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42},
    {0x16FF0, 0x16FF1}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF},
    {0x1E4EC, 0x1E4EF}, {0x1E5EE, 0x1E5EF}};

/// Capital letters of Unicode 16 and 17 and the first of their small ones.
struct LowerCase {
  char32_t first, last, lower;
};
constexpr LowerCase later_capitals[] = {
    {0x1C89, 0x1C89, 0x1C8A},    {0xA7CB, 0xA7CB, 0x0264},   {0xA7CC, 0xA7CC, 0xA7CD}, {0xA7CE, 0xA7CE, 0xA7CF},
    {0xA7D2, 0xA7D2, 0xA7D3},    {0xA7D4, 0xA7D4, 0xA7D5},   {0xA7DA, 0xA7DA, 0xA7DB}, {0xA7DC, 0xA7DC, 0x019B},
    {0x10D50, 0x10D65, 0x10D70}, {0x16EA0, 0x16EB8, 0x16EBB}};

template <std::size_t n>
bool lies_in(char32_t c, const Range (&ranges)[n]) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [c](const Range& range) { return c >= range.first && c <= range.last; });
}

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

void append(std::string& text, char32_t c) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t count = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
}

void append_lower(std::string& text, char32_t c) {
  if (c == 0x130) {
    text += "i\xCC\x87";  // the one capital whose small letter is two characters: an i and a dot above
    return;
  }
  for (const LowerCase& row : later_capitals)
    if (c >= row.first && c <= row.last) return append(text, row.lower + (c - row.first));
  append(text, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

void append_composed(std::string& text, std::string_view part) {
  if (part.empty()) return;
  utf8proc_uint8_t* out = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(part.data()), static_cast<utf8proc_ssize_t>(part.size()),
                   &out, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(out, &std::free);
  if (size < 0) throw Error(fmt::format("normal form of a text: {}", utf8proc_errmsg(size)));
  text.append(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
}

/// Normal form C.
std::string composed(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t begin = 0, at = 0;
  while (at < text.size()) {
    const Character c = first_character(text.substr(at));
    if (c.value >= later_marks[0].first && lies_in(c.value, later_marks)) {
      append_composed(out, text.substr(begin, at - begin));
      out += text.substr(at, c.bytes);
      begin = at + c.bytes;
    }
    at += c.bytes;
  }
  append_composed(out, text.substr(begin));
  return out;
}

}  // namespace

CharacterClass class_of(char32_t c) {
  if (is_space(c)) return CharacterClass::space;
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) return CharacterClass::letter;
  if (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) return CharacterClass::number;
  if (c < later_letters[0].first) return CharacterClass::other;
  if (lies_in(c, later_letters)) return CharacterClass::letter;
  return lies_in(c, later_numbers) ? CharacterClass::number : CharacterClass::other;
}

Character first_character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {first, 1};
  utf8proc_int32_t value = 0;
  const utf8proc_ssize_t bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                                  static_cast<utf8proc_ssize_t>(text.size()), &value);
  if (bytes < 1) throw Error("a text that was taken for UTF-8 is not");
  return {static_cast<char32_t>(value), static_cast<std::size_t>(bytes)};
}

std::string normalised(std::string_view text) {
  std::string owned;
  if (!is_ascii(text)) {
    owned = composed(text);
    text = owned;
  }
  std::string out;
  out.reserve(text.size());
  bool after_space = false;
  while (!text.empty()) {
    const Character c = first_character(text);
    const bool space = is_space(c.value);
    if (!space)
      append_lower(out, c.value);
    else if (!after_space)
      out += ' ';
    after_space = space;
    text.remove_prefix(c.bytes);
  }
  return out;
}

void check_utf8(std::string_view text, std::string_view where) {
  std::size_t at = 0;
  while (at < text.size()) {
    utf8proc_int32_t value = 0;
    const utf8proc_ssize_t bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                                    static_cast<utf8proc_ssize_t>(text.size() - at), &value);
    if (bytes < 1) throw InputError(fmt::format("{}: byte {} is not UTF-8", where, at));
    at += static_cast<std::size_t>(bytes);
  }
}

}  // namespace assay
