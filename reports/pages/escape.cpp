#include "reports/pages/escape.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace assay {
namespace {

/// Length of the well-formed UTF-8 sequence at the start of `text`, or 0.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    // No overlong forms, no surrogates.
    if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return 0;
    return continues(1) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
    return continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

bool is_word(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/// `character` is given each ASCII character with the one after it, and appends to the output.
template <class Character>
std::string transform(std::string_view text, Character&& character) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const auto first = static_cast<unsigned char>(text[0]);
    if (length == 0 || (first < 0x20 && first != '\n' && first != '\t' && first != '\r') || first == 0x7F) {
      out += "\uFFFD";
      text.remove_prefix(1);
      continue;
    }
    if (length == 1)
      character(text[0], text.size() > 1 ? text[1] : '\0', out);
    else
      out += text.substr(0, length);
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace

std::string escape_html(std::string_view text) {
  return transform(text, [](char c, char, std::string& out) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  });
}

std::string escape_markdown(std::string_view text) {
  return transform(text, [](char c, char next, std::string& out) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\n':
      case '\r':
      case '\t':
        out += ' ';
        break;
      case '\\':
      case '`':
      case '*':
      case '[':
      case ']':
      case '|':
      case '#':
      case '~':
        out += '\\';
        out += c;
        break;
      case '_':
        // Within a word it is no markup: self_label_k100 stays readable.
        if (out.empty() || !is_word(out.back()) || !is_word(next)) out += '\\';
        out += c;
        break;
      default:
        out += c;
    }
  });
}

std::string escape_latex(std::string_view text) {
  const std::string escaped = transform(text, [](char c, char, std::string& out) {
    switch (c) {
      case '&':
      case '%':
      case '$':
      case '#':
      case '_':
      case '{':
      case '}':
        out += '\\';
        out += c;
        break;
      case '\\':
        out += "\\textbackslash{}";
        break;
      case '~':
        out += "\\textasciitilde{}";
        break;
      case '^':
        out += "\\textasciicircum{}";
        break;
      case '<':
        out += "$<$";
        break;
      case '>':
        out += "$>$";
        break;
      case '|':
        out += "$|$";
        break;
      case '"':
        out += "''";
        break;
      case '\n':
      case '\r':
      case '\t':
        out += ' ';
        break;
      case '[':
      case ']':
      case '*':
      case '`':
      case '-':
        // Before a row's end an argument, beside their like a ligature.
        out += '{';
        out += c;
        out += '}';
        break;
      default:
        out += c;
    }
  });
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 18> signs{{
      {"\u00A0", "~"},
      {"\u00B1", "$\\pm$"},
      {"\u00D7", "$\\times$"},
      {"\u00B7", "$\\cdot$"},
      {"\u00B5", "$\\mu$"},
      {"\u03BC", "$\\mu$"},
      {"\u00B0", "$^\\circ$"},
      {"\u2212", "$-$"},
      {"\u2013", "--"},
      {"\u2014", "---"},
      {"\u2018", "`"},
      {"\u2019", "'"},
      {"\u201C", "``"},
      {"\u201D", "''"},
      {"\u2264", "$\\leq$"},
      {"\u2265", "$\\geq$"},
      {"\u2192", "$\\to$"},
      {"\u2026", "\\dots{}"},
  }};
  std::string out;
  for (std::string_view rest = escaped; !rest.empty();) {
    const std::size_t length = sequence_length(rest);
    const std::string_view character = rest.substr(0, length);
    rest.remove_prefix(length);
    const auto* const sign =
        std::find_if(signs.begin(), signs.end(), [&](const auto& known) { return known.first == character; });
    const bool latin_letter = length == 2 && character >= "\u00C0" && character <= "\u00FF";
    if (sign != signs.end())
      out += sign->second;
    else if (length == 1 || latin_letter)
      out += character;
    else
      out += '?';
  }
  return out;
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t k) {
      return i + k < bytes.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i + k])) : 0U;
    };
    const std::uint32_t group = byte(0) << 16 | byte(1) << 8 | byte(2);
    out += alphabet[group >> 18];
    out += alphabet[group >> 12 & 63];
    out += i + 1 < bytes.size() ? alphabet[group >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? alphabet[group & 63] : '=';
  }
  return out;
}

}  // namespace assay
