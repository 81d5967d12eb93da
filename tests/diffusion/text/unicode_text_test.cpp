#include "diffusion/text/unicode_text.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "diffusion/text/words.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(UnicodeText, ClassesAreGeneralCategories) {
  for (const char32_t letter : std::u32string(U"aZµßªʰא中あ가ǅ\U00010400\U000105C0"))
    EXPECT_EQ(class_of(letter), CharacterClass::letter) << std::uint32_t(letter);
  for (const char32_t number : std::u32string(U"09²½٣५ⅧⅭ〇\U0001D7D8\U00010D40"))
    EXPECT_EQ(class_of(number), CharacterClass::number) << std::uint32_t(number);
  for (const char32_t space : std::u32string(U" \t\n\u0085\u00a0\u1680\u2003\u2028\u3000"))
    EXPECT_EQ(class_of(space), CharacterClass::space) << std::uint32_t(space);
  for (const char32_t other : std::u32string(U"!_-\u0301\u200b\ufeff😀€\U000E0001\U0010FFFF\u0378"))
    EXPECT_EQ(class_of(other), CharacterClass::other) << std::uint32_t(other);
}

TEST(UnicodeText, IsComposedAndLowerCasedCharacterByCharacter) {
  EXPECT_EQ(normalised("E\u0301COLE  \t\nA\u0323\u0302"), "école ậ");
  EXPECT_EQ(normalised("İ"), "i\u0307");
  EXPECT_EQ(normalised("ΑΣ"), "ασ");  // a final sigma is a sigma like others
  EXPECT_EQ(normalised("ẞ Ǆ ǅ K Å"), "ß ǆ ǆ k å");
  EXPECT_EQ(normalised("a\u00a0\u3000b"), "a b");
  EXPECT_EQ(normalised("ﬁ ½ ſ"), "ﬁ ½ ſ");  // no compatibility mapping
}

TEST(UnicodeText, MarksLaterThanThePeersTablesStayInPlace) {
  // U+1DFA is of Unicode 14 with class 218, U+0301 of class 230: today's tables would put the former first.
  EXPECT_EQ(normalised("q\u0301\u1dfa"), "q\u0301\u1dfa");
  EXPECT_EQ(normalised("q\u0301\u0323"), "q\u0323\u0301");
}

TEST(UnicodeText, RefusesWhatIsNotUtf8) {
  check_utf8("é😀", "prompt");
  for (const char* text : {"ab\x80", "ab\xc3", "ab\xc0\xaf", "ab\xed\xa0\x80", "ab\xf4\x90\x80\x80"})
    EXPECT_THAT(message_of<InputError>([&] { check_utf8(text, "prompt"); }), HasSubstr("prompt: byte 2 is not UTF-8"));
}

TEST(Words, AreThoseOfClipsPattern) {
  EXPECT_THAT(words_of("it's 2024, don't!"), ElementsAre("it", "'s", "2", "0", "2", "4", ",", "don", "'t", "!"));
  EXPECT_THAT(words_of("we've they'll i'd 'so ''s"),
              ElementsAre("we", "'ve", "they", "'ll", "i", "'d", "'s", "o", "''", "s"));
  EXPECT_THAT(words_of("a<|endoftext|>!?"), ElementsAre("a", "<|", "endoftext", "|>", "!?"));
  EXPECT_THAT(words_of("-<|endoftext|>!"), ElementsAre("-<|", "endoftext", "|>!"));
  EXPECT_THAT(words_of(" \u3000"), IsEmpty());
}

}  // namespace
}  // namespace assay
