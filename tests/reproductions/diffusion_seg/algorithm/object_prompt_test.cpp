#include "reproductions/diffusion_seg/algorithm/object_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/throws.h"

namespace assay::diffusion_seg {
namespace {

using test::message_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Each word of these captions is one token.
ClipTokenizer tokenizer(std::int64_t length = 10) {
  return ClipTokenizer::learned({"a photo of a red cat", "a photo of a red cat", "a photo of a red cat"}, 100, length);
}

TEST(ObjectPrompt, KnowsWhereItsWordsAre) {
  const ObjectPrompt prompt = object_prompt(tokenizer(), "a photo of a {}", "red cat");
  EXPECT_EQ(prompt.text, "a photo of a red cat");
  EXPECT_THAT(prompt.places, ElementsAre(5, 6)) << "the begin of the text is place 0";
  EXPECT_THAT(object_prompt(tokenizer(), "{}", "cat").places, ElementsAre(1));
}

TEST(ObjectPrompt, CountsThePiecesOfAWord) {
  // "tac" was in no caption: t, a, c with the end of a word.
  EXPECT_THAT(object_prompt(tokenizer(), "a {} photo", "tac").places, ElementsAre(2, 3, 4));
}

TEST(ObjectPrompt, LeavesOutWhatIsCutOff) {
  EXPECT_THAT(object_prompt(tokenizer(7), "a photo of a {}", "red cat").places, ElementsAre(5)) << "6 is the end";
  EXPECT_THAT(message_of<InputError>([] { object_prompt(tokenizer(6), "a photo of a {}", "red cat"); }),
              HasSubstr("no token of the words 'red cat' within the 6 of a prompt"));
}

TEST(ObjectPrompt, RefusesTemplatesThatChangeTheWords) {
  EXPECT_THAT(message_of<InputError>([] { object_prompt(tokenizer(), "a photo of {}s", "cat"); }),
              HasSubstr("cut into other tokens"));
  EXPECT_THAT(message_of<InputError>([] { object_prompt(tokenizer(), "a photo", "cat"); }), HasSubstr("'a photo'"));
}

}  // namespace
}  // namespace assay::diffusion_seg
