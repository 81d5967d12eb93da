#include "datasets/emoji_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "core/error.h"

namespace assay {
namespace {

constexpr char32_t zwj = 0x200D, adult = 0x1F9D1, child = 0x1F9D2;

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::optional<std::vector<char32_t>> parse_code_points(std::string_view text) {
  std::vector<char32_t> code_points;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    std::uint32_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + end, value, 16);
    if (error != std::errc() || stop != text.data() + end || value == 0 || value > 0x10FFFF) return std::nullopt;
    code_points.push_back(value);
    text = trimmed(text.substr(end));
  }
  if (code_points.empty()) return std::nullopt;
  return code_points;
}

/// "# <emoji> E<version> <name>" without the leading '#': the name.
std::string_view name_in(std::string_view comment) {
  const auto version = trimmed(comment).find(" E");
  if (version == std::string_view::npos) return {};
  comment = trimmed(comment).substr(version + 1);
  const auto space = comment.find(' ');
  return space == std::string_view::npos ? std::string_view() : trimmed(comment.substr(space));
}

/// The index of `name` in `names`, appended where it is new and last.
int index_of(std::vector<std::string>& names, const std::string& name) {
  const auto it = std::find(names.begin(), names.end(), name);
  if (it != names.end()) return static_cast<int>(it - names.begin());
  names.push_back(name);
  return static_cast<int>(names.size()) - 1;
}

char32_t without_gender(char32_t c) {
  static const std::map<char32_t, char32_t> same{
      {0x1F468, adult},   {0x1F469, adult},    // man, woman
      {0x1F466, child},   {0x1F467, child},    // boy, girl
      {0x1F474, 0x1F9D3}, {0x1F475, 0x1F9D3},  // old man, old woman
      {0x1F934, 0x1FAC5}, {0x1F478, 0x1FAC5},  // prince, princess
      {0x1FAC3, 0x1F930}, {0x1FAC4, 0x1F930},  // pregnant man, pregnant person
      {0x1F57A, 0x1F483},                      // man dancing
      {0x1F936, 0x1F385},                      // Mrs. Claus
      {0x1F46C, 0x1F46B}, {0x1F46D, 0x1F46B},  // men, women holding hands
  };
  const auto it = same.find(c);
  return it == same.end() ? c : it->second;
}

bool is_family(const std::u32string& key) {
  if (key.size() < 3 || key.size() % 2 == 0 || key.front() != adult || key.back() != child) return false;
  for (std::size_t i = 0; i < key.size(); ++i)
    if (i % 2 == 1 ? key[i] != zwj : key[i] != adult && key[i] != child) return false;
  return true;
}

}  // namespace

EmojiList parse_emoji_list(const std::string& text, const std::string& where) {
  EmojiList list;
  std::set<std::vector<char32_t>> seen;
  std::string group, subgroup;
  std::string_view rest = text;
  for (int number = 1; !rest.empty(); ++number) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto refuse = [&](const char* what) {
      throw InputError(fmt::format("{}:{}: {}; expected the format of Unicode's emoji-test.txt", where, number, what));
    };
    if (line.starts_with("# group:")) {
      group = trimmed(line.substr(8));
      subgroup.clear();
    } else if (line.starts_with("# subgroup:")) {
      subgroup = trimmed(line.substr(11));
    }
    if (line.empty() || line.front() == '#') continue;

    const auto semicolon = line.find(';'), hash = line.find('#');
    if (semicolon == std::string_view::npos || hash == std::string_view::npos || hash < semicolon)
      refuse("not 'code points; status # emoji name'");
    const auto code_points = parse_code_points(trimmed(line.substr(0, semicolon)));
    if (!code_points) refuse("code points are not hexadecimal");
    if (trimmed(line.substr(semicolon + 1, hash - semicolon - 1)) != "fully-qualified") continue;
    if (group.empty() || subgroup.empty()) refuse("an entry before the first group and subgroup");
    const std::string name(name_in(line.substr(hash + 1)));
    if (name.empty()) refuse("the entry has no name");
    if (!seen.insert(*code_points).second) refuse("the entry comes twice");
    list.entries.push_back({*code_points, name, index_of(list.groups, group), index_of(list.subgroups, subgroup)});
  }
  if (list.entries.empty())
    throw InputError(fmt::format("{}: no fully-qualified entry; expected Unicode's emoji-test.txt", where));
  return list;
}

std::string hex_name(const std::vector<char32_t>& code_points) {
  std::string name;
  for (const char32_t c : code_points)
    name += fmt::format("{}{:x}", name.empty() ? "" : "-", static_cast<std::uint32_t>(c));
  return name;
}

std::string emoji_split_key(const std::vector<char32_t>& code_points) {
  std::u32string plain;
  for (const char32_t c : code_points) {
    const bool skin_tone = c >= 0x1F3FB && c <= 0x1F3FF;
    if (c == 0xFE0F || (skin_tone && code_points.size() > 1)) continue;
    if ((c == 0x2640 || c == 0x2642) && !plain.empty() && plain.back() == zwj)
      plain.pop_back();
    else
      plain.push_back(without_gender(c));
  }

  // One glyph may be written as one code point or, with two skin tones, as a sequence.
  static const std::map<std::u32string, char32_t> same{
      {{adult, zwj, 0x1F91D, zwj, adult}, 0x1F46B},               // holding hands
      {{adult, zwj, 0x2764, zwj, 0x1F48B, zwj, adult}, 0x1F48F},  // kiss
      {{adult, zwj, 0x2764, zwj, adult}, 0x1F491},                // couple with heart
      {{0x1FAF1, zwj, 0x1FAF2}, 0x1F91D},                         // handshake
      {{adult, zwj, 0x1F384}, 0x1F385},                           // mx claus
  };
  if (const auto it = same.find(plain); it != same.end()) plain = it->second;
  if (is_family(plain)) plain = 0x1F46A;
  return hex_name({plain.begin(), plain.end()});
}

}  // namespace assay
