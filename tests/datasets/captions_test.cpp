#include "datasets/captions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string key_of(const std::string& name) { return variant_key(words_of_name(name)); }

TEST(CleanCaption, IsOneLineWithoutMarks) {
  EXPECT_EQ(clean_caption("\xEF\xBB\xBF  A\tcrowned  crane.\r"), "A crowned crane.");
  EXPECT_EQ(clean_caption("A knight\xE2\x80\x99s helmet."), "A knight\xE2\x80\x99s helmet.");
  EXPECT_EQ(clean_caption(" \r"), "");
}

TEST(CleanCaption, IsEmptyForWhatIsNotUtf8) {
  for (const char* text :
       {"caf\xE9", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x80", "\x80", "\xF8\x88\x80\x80"})
    EXPECT_EQ(clean_caption(text), "") << text;
}

TEST(WordsOfName, PartsNamesAndLeavesCountersOut) {
  EXPECT_THAT(words_of_name("heron_greatblue-flying"), ElementsAre("heron", "greatblue", "flying"));
  EXPECT_THAT(words_of_name("cementMixer"), ElementsAre("cement", "mixer"));
  EXPECT_THAT(words_of_name("cow-2"), ElementsAre("cow"));
  EXPECT_THAT(words_of_name("guitar2"), ElementsAre("guitar"));
  EXPECT_THAT(words_of_name("fireman240a"), ElementsAre("fireman"));
  EXPECT_THAT(words_of_name("camera_35mm"), ElementsAre("camera", "35mm"));
  EXPECT_THAT(words_of_name("M16"), ElementsAre("m16"));
  EXPECT_THAT(words_of_name("747"), ElementsAre("747"));
  EXPECT_THAT(words_of_name("__"), IsEmpty());
}

TEST(VariantKey, IsOneForVariantsOfOneThing) {
  for (const auto& [one, other] : {std::pair{"frog", "frog-1"},
                                   {"dumper", "dumper_mirror"},
                                   {"green_fedora", "blue_fedora"},
                                   {"grave-a", "grave-j"},
                                   {"rabbit_little", "rabbit"},
                                   {"apple_green", "apple-red"},
                                   {"arrow-left-red", "arrow-up-seagreen"},
                                   {"garlic", "garlics"},
                                   {"sliced_orange", "orange"},
                                   {"scissors_small_open", "scissors_small_closed"},
                                   {"Candy_cane_photo_1", "candy_cane"},
                                   {"star_12pt05step", "star_13pt06step"},
                                   {"fireman200b", "fireman240a"}})
    EXPECT_EQ(key_of(one), key_of(other)) << one << ", " << other;
}

TEST(VariantKey, TellsThingsApart) {
  for (const auto& [one, other] :
       {std::pair{"green", "orange"}, {"glass", "glove"}, {"sea_lion", "lion"}, {"gas", "ga"}})
    EXPECT_NE(key_of(one), key_of(other)) << one << ", " << other;
  EXPECT_EQ(key_of("white_c_k"), "white");
  EXPECT_EQ(key_of("7"), "7");
  EXPECT_EQ(variant_key({}), "");
}

TEST(DecodeTitle, ReadsEntitiesAndBothEncodings) {
  EXPECT_EQ(decode_title("Croissant (B &amp; W)"), "Croissant (B & W)");
  EXPECT_EQ(decode_title("Cassa d&#39;epoca"), "Cassa d'epoca");
  EXPECT_EQ(decode_title("Pen & Pencil"), "Pen & Pencil");
  EXPECT_EQ(decode_title("Le\xC3\xB3n"), "Le\xC3\xB3n");
  EXPECT_EQ(decode_title("Le\xF3n"), "Le\xC3\xB3n");
}

TEST(DecodeTitle, GivesUpOnWhatItCannotRead) {
  for (const char* title : {"L&Atilde;zard", "<b>bat</b>", "Ale\x9A", "Ale\xC2\x9A"})
    EXPECT_EQ(decode_title(title), "") << title;
}

TEST(JoinedKeys, JoinsWhateverSharesAMarkDirectlyOrNot) {
  EXPECT_THAT(joined_keys({{"c", "1"}, {"b", "2"}, {"a", "2", "1"}, {"d"}, {"d", "3"}, {"e", "4"}}),
              ElementsAre("a", "a", "a", "d", "d", "e"));
  EXPECT_THROW(joined_keys({{}}), Error);
}

}  // namespace
}  // namespace assay
