#include "datasets/captions.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/nearest.h"

namespace assay {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
bool is_small(char c) { return c >= 'a' && c <= 'z'; }
/// Bytes of letters beyond ASCII count as letters.
bool is_letter(char c) { return is_capital(c) || is_small(c) || static_cast<unsigned char>(c) >= 0x80; }
bool has_digit(const std::string& word) { return std::any_of(word.begin(), word.end(), is_digit); }

/// How many bytes the UTF-8 sequence at the beginning of `text` has; 0 where it is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return 1;
  const std::size_t length = byte(0) >= 0xC2 && byte(0) <= 0xDF   ? 2
                             : (byte(0) & 0xF0) == 0xE0           ? 3
                             : byte(0) >= 0xF0 && byte(0) <= 0xF4 ? 4
                                                                  : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  // Longer than needed, halves of surrogate pairs, beyond U+10FFFF.
  if ((byte(0) == 0xE0 && byte(1) < 0xA0) || (byte(0) == 0xED && byte(1) > 0x9F) ||
      (byte(0) == 0xF0 && byte(1) < 0x90) || (byte(0) == 0xF4 && byte(1) > 0x8F))
    return 0;
  return length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

/// Control characters beyond ASCII, which text of a Windows code page has where it was taken for Latin-1.
bool has_late_control(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i)
    if (text[i] == '\xC2' && static_cast<unsigned char>(text[i + 1]) < 0xA0) return true;
  return false;
}

/// "guitar2" and "fireman240a" without what follows their letters.
std::string without_number(const std::string& word) {
  const auto letters = static_cast<std::size_t>(std::find_if(word.begin(), word.end(), is_digit) - word.begin());
  if (letters < 3 || letters == word.size()) return word;
  std::size_t end = letters;
  while (end < word.size() && is_digit(word[end])) ++end;
  return end + 1 >= word.size() ? word.substr(0, letters) : word;
}

const std::set<std::string>& variant_words() {
  static const std::set<std::string> words{
      // colours
      "black", "blue", "brown", "bw", "color", "colour", "colored", "coloured", "dark", "gold", "golden", "gray",
      "green", "grey", "light", "orange", "pink", "purple", "red", "seagreen", "silver", "violet", "white", "yellow",
      "and",
      // sides
      "back", "bottom", "down", "flip", "front", "hflip", "left", "mirror", "mirrored", "right", "rotated", "side",
      "top", "up", "vflip",
      // sizes
      "big", "large", "little", "mini", "small",
      // states
      "closed", "eating", "flying", "half", "in", "new", "off", "old", "on", "open", "out", "shelled", "sitting",
      "slice", "sliced", "stand", "standing", "whole",
      // kinds of picture, and other versions
      "alt", "alternative", "cartoon", "copy", "drawing", "outline", "photo", "simple", "variant", "version",
      // the letters on the faces of a dreidel
      "gimmel", "hay", "nun", "shin"};
  return words;
}

/// "garlics" is "garlic"; "glass" and "gas" stay.
std::string singular(std::string word) {
  if (word.size() > 3 && word.back() == 's' && word[word.size() - 2] != 's') word.pop_back();
  return word;
}

}  // namespace

std::string clean_caption(std::string_view text) {
  if (!is_utf8(text)) return "";
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::string clean;
  for (const char c : text) {
    const bool space = static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
    if (!space)
      clean += c;
    else if (!clean.empty() && clean.back() != ' ')
      clean += ' ';
  }
  if (clean.ends_with(' ')) clean.pop_back();
  return clean;
}

std::vector<std::string> words_of_name(std::string_view name) {
  std::vector<std::string> parts;
  char before = ' ';
  for (const char c : name) {
    if (is_letter(c) || is_digit(c)) {
      const bool joins = is_letter(before) || is_digit(before);
      if (!joins || (is_small(before) && is_capital(c))) parts.emplace_back();
      parts.back() += is_capital(c) ? static_cast<char>(c - 'A' + 'a') : c;
    }
    before = c;
  }
  std::vector<std::string> words;
  for (const std::string& part : parts)
    if (!std::all_of(part.begin(), part.end(), is_digit)) words.push_back(without_number(part));
  return words.empty() ? parts : words;
}

std::string variant_key(const std::vector<std::string>& words) {
  std::vector<std::string> kept;
  std::string last = words.empty() ? "" : words.back();
  for (const std::string& word : words) {
    if (word.size() < 2 || has_digit(word)) continue;
    last = word;
    if (!variant_words().contains(word)) kept.push_back(singular(word));
  }
  return kept.empty() ? singular(last) : join(kept, " ");
}

std::string decode_title(const std::string& title) {
  static const std::map<std::string, std::string, std::less<>> entities{
      {"amp", "&"}, {"lt", "("}, {"gt", ")"}, {"quot", "\""}, {"apos", "'"}, {"#39", "'"}, {"#34", "\""}, {"#38", "&"}};
  std::string text;
  for (std::size_t i = 0; i < title.size(); ++i) {
    const std::size_t end = title.find(';', i);
    const bool entity = title[i] == '&' && end != std::string::npos && title.find_first_of(" &", i + 1) > end;
    if (!entity) {
      if (title[i] == '<' || title[i] == '>') return "";
      text += title[i];
      continue;
    }
    const auto known = entities.find(std::string_view(title).substr(i + 1, end - i - 1));
    if (known == entities.end()) return "";
    text += known->second;
    i = end;
  }
  if (!is_utf8(text)) {
    std::string wide;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte >= 0x80) wide += static_cast<char>(0xC0 | byte >> 6);
      wide += byte >= 0x80 ? static_cast<char>(0x80 | (byte & 0x3F)) : c;
    }
    text = wide;
  }
  return has_late_control(text) ? "" : clean_caption(text);
}

std::vector<std::string> joined_keys(const std::vector<std::vector<std::string>>& marks) {
  std::vector<std::size_t> parent(marks.size());
  std::iota(parent.begin(), parent.end(), std::size_t{0});
  const auto root = [&](std::size_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
  };
  std::map<std::string, std::size_t> owner;
  for (std::size_t i = 0; i < marks.size(); ++i)
    for (const std::string& mark : marks[i]) parent[root(i)] = root(owner.emplace(mark, i).first->second);
  std::vector<std::string> keys(marks.size());
  for (std::size_t i = 0; i < marks.size(); ++i) {
    if (marks[i].empty()) throw Error("joined_keys: a picture without a mark");
    std::string& key = keys[root(i)];
    if (key.empty() || marks[i].front() < key) key = marks[i].front();
  }
  for (std::size_t i = 0; i < marks.size(); ++i) keys[i] = std::string(keys[root(i)]);
  return keys;
}

}  // namespace assay
