#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace assay {

/// The text in one line: control characters and runs of white space become one space, none at the ends, no byte order
/// mark. Empty where the text is not UTF-8.
std::string clean_caption(std::string_view text);

/// The words of a file's name, in small letters: parted at everything but letters and digits and before a capital that
/// follows a small letter. Numbers are left out, and a number at the end of a word of at least three letters is cut
/// off, with one letter behind it: "cow-2", "guitar2" and "fireman240a" are "cow", "guitar" and "fireman";
/// "camera_35mm" keeps both words. Where this leaves nothing, all the parts.
std::vector<std::string> words_of_name(std::string_view name);

/// What pictures have in common whose names differ as names of variants do: the words (of words_of_name()) without
/// colours, sides, sizes, states, kinds of picture, single letters and words that hold a digit, and without a plural's
/// 's'. Where nothing is left, the last word that is neither a single letter nor holds a digit, else the last.
std::string variant_key(const std::vector<std::string>& words);

/// The title of a picture with its entities decoded (&lt; and &gt; as parentheses), or an empty string where it holds
/// others, markup, or bytes that are neither UTF-8 nor printable Latin-1.
std::string decode_title(const std::string& title);

/// Which pictures must be in one split. Each has marks; pictures that share one are joined, and so are those that share
/// one with these. Returns for each the smallest first mark of all that it is joined to. Every picture needs a mark.
std::vector<std::string> joined_keys(const std::vector<std::vector<std::string>>& marks);

}  // namespace assay
