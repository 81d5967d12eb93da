#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace assay {

/// What a character is to a tokenizer.
enum class CharacterClass { space, letter, number, other };

/// By the general category of Unicode 16, L* and N*, and the property White_Space.
CharacterClass class_of(char32_t character);

/// One character of a text and the bytes that it takes.
struct Character {
  char32_t value;
  std::size_t bytes;
};
/// The character that begins at `text`, which is valid UTF-8 and not empty.
Character first_character(std::string_view text);

/// The text in normal form C of Unicode 9, runs of white space as one space, in lower case: character by character, as
/// Unicode's default mapping without context has it (a final sigma is a sigma). `text` is valid UTF-8.
std::string normalised(std::string_view text);

/// Throws InputError that begins with `where` unless the text is UTF-8.
void check_utf8(std::string_view text, std::string_view where);

}  // namespace assay
