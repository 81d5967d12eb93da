#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace assay {

/// The end of a word in the pieces of CLIP's vocabulary.
inline constexpr std::string_view end_of_word = "</w>";

/// The printable character, in UTF-8, that stands for each byte in vocabularies of byte pairs: '!' to '~', U+00A1 to
/// U+00AC and U+00AE to U+00FF for themselves, U+0100 and on for the others in ascending order.
const std::array<std::string, 256>& byte_symbols();

/// The 256 in the order in which vocabularies list them: first the bytes that stand for themselves.
const std::vector<std::string>& ordered_byte_symbols();

}  // namespace assay
