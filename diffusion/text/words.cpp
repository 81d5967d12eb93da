#include "diffusion/text/words.h"

#include "diffusion/text/unicode_text.h"

namespace assay {
namespace {

/// The bytes of the run of this class that `text` begins with.
std::size_t run_of(std::string_view text, CharacterClass wanted) {
  std::size_t size = 0;
  while (size < text.size()) {
    const Character c = first_character(text.substr(size));
    if (class_of(c.value) != wanted) break;
    size += c.bytes;
  }
  return size;
}

constexpr std::string_view contractions[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};

}  // namespace

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  const auto take = [&](std::size_t size) {
    words.push_back(text.substr(0, size));
    text.remove_prefix(size);
  };
  while (!text.empty()) {
    // CLIP's pattern keeps the two names whole, and the byte-level step behind it divides them as it does any text.
    if (const bool begins = text.starts_with("<|startoftext|>"); begins || text.starts_with("<|endoftext|>")) {
      take(2);
      take(begins ? 11 : 9);
      take(2);
      continue;
    }
    if (text[0] == '\'') {
      std::size_t size = 0;
      for (const std::string_view contraction : contractions)
        if (size == 0 && text.starts_with(contraction)) size = contraction.size();
      if (size > 0) {
        take(size);
        continue;
      }
    }
    const Character c = first_character(text);
    switch (const CharacterClass kind = class_of(c.value)) {
      case CharacterClass::space:
        text.remove_prefix(c.bytes);
        break;
      case CharacterClass::number:
        take(c.bytes);
        break;
      case CharacterClass::letter:
      case CharacterClass::other:
        take(run_of(text, kind));
        break;
    }
  }
  return words;
}

}  // namespace assay
