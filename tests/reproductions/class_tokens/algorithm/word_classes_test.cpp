#include "reproductions/class_tokens/algorithm/word_classes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/throws.h"

namespace assay::class_tokens {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(WordClasses, AreAmbiguousWordsAndClassesThatTheyMostlyDoNotMean) {
  const std::vector<std::string> captions = {"A bat with wings", "a bat and a ball",
                                             "Bat: sleeping",  // animals
                                             "wooden bat",       "bat of ash",
                                             "a ball",  // sports
                                             "cat with a hat",   "cat",
                                             "bat, toy"};  // toys
  const std::vector<std::int64_t> classes = {0, 0, 0, 1, 1, 1, 2, 2, 2};
  const auto pairs = choose_word_classes(captions, classes, {.pairs = 5, .least = 1, .share = 0.3});
  // "bat" is in six captions: three of class 0 are half of them. "ball" is left to class 1. "cat" means one class.
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[0].word, "bat");
  EXPECT_EQ(pairs[0].target, 0);
  EXPECT_EQ(pairs[0].images, 3);
  EXPECT_EQ(pairs[0].all_images, 6);
  EXPECT_EQ(pairs[1].word, "ball");
  EXPECT_EQ(pairs[1].target, 1);
}

TEST(WordClasses, DoNotIncludeAWordThatMostlyMeansTheTarget) {
  const auto pairs = choose_word_classes({"seal", "seal", "seal", "seal", "wax"}, {0, 0, 0, 1, 1},
                                         {.pairs = 5, .least = 1, .share = 0.3});
  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_EQ(pairs[0].target, 1);
}

TEST(WordClasses, LeaveOutFunctionWords) {
  const auto pairs =
      choose_word_classes({"you and your seal", "would you draw the seal", "this seal, under your yacht"}, {0, 1, 1},
                          {.pairs = 5, .least = 1, .share = 0.3});
  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_EQ(pairs[0].word, "seal");
  EXPECT_EQ(pairs[0].target, 0);
}

TEST(WordClasses, AreRefusedWhereNoWordIsAmbiguous) {
  EXPECT_THAT(message_of<InputError>([] {
                choose_word_classes({"oak", "elm"}, {0, 1}, {.least = 1, .share = 0.25});
              }),
              AllOf(HasSubstr("words: no word of the captions is ambiguous"), HasSubstr("in 1 images of each"),
                    HasSubstr("0.25 of those")));
}

}  // namespace
}  // namespace assay::class_tokens
