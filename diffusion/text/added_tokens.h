#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace assay {

/// A token that is found in a text before it is divided into words, inside words too.
struct AddedToken {
  std::string content;
  std::int64_t id = 0;
  bool special = false;
  /// Whether it is looked for in the normalised text, where it is normalised itself, so that case does not matter; else
  /// in the text as given.
  bool normalized = true;
};

/// Finds added tokens: the leftmost, and of those that begin there the longest.
class AddedTokenFinder {
 public:
  /// `text` is what is looked for; empty ones are never found.
  void add(const std::string& text, std::int64_t id);

  /// A part of a text: what lies between tokens, never empty, or the id of one.
  using Part = std::variant<std::string_view, std::int64_t>;
  std::vector<Part> divide(std::string_view text) const;

 private:
  struct Entry {
    std::string text;
    std::int64_t id;
  };
  std::array<std::vector<Entry>, 256> by_first_byte_;  // longest first
};

}  // namespace assay
