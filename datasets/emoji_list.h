#pragma once
#include <string>
#include <vector>

namespace assay {

/// One fully-qualified entry of emoji-test.txt.
struct EmojiEntry {
  std::vector<char32_t> code_points;
  std::string name;
  int group = 0, subgroup = 0;
};

struct EmojiList {
  std::vector<EmojiEntry> entries;
  std::vector<std::string> groups, subgroups;  // those with at least one fully-qualified entry, in file order
};

/// Parses the text of Unicode's emoji-test.txt (UTS #51). Entries of any status but fully-qualified are other
/// spellings or parts of emoji, not images of their own, and are left out. Throws InputError naming `where` and the
/// line; for a text without any entry; for an entry that comes twice.
EmojiList parse_emoji_list(const std::string& text, const std::string& where);

/// Lower-case hexadecimal code points joined by '-', as in "1f468-1f3fd-200d-1f373".
std::string hex_name(const std::vector<char32_t>& code_points);

/// What all variants of one emoji have in common, as hex_name of the sequence without U+FE0F, skin tones and ZWJ gender
/// signs, in which man, woman and person are one (as are boy, girl and child; the old; prince, princess and person with
/// crown; the pregnant; the dancing; the Christmas figures), and in which all families, all pairs holding hands, all
/// kissing couples, all couples with heart and all handshakes are one each.
std::string emoji_split_key(const std::vector<char32_t>& code_points);

}  // namespace assay
