#include "reproductions/class_tokens/algorithm/prompts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/throws.h"

namespace assay::class_tokens {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// Words of these captions are one piece each.
ClipTokenizer tokenizer(std::int64_t length = 10) {
  return ClipTokenizer::learned({"a photo of a bat", "a photo of a bat", "an image of a crane", "an image of a crane"},
                                100, length);
}

TEST(Prompts, PutTheTokenBeforeTheWords) {
  EXPECT_EQ(class_words("Tiger_Cat, Felis"), "tiger cat");
  EXPECT_EQ(prompt_of("A photo of {}", "newclas", "tiger cat"), "A photo of newclas tiger cat");
  EXPECT_EQ(prompt_of("a {} here", "a", "bat"), "a a here bat");
  EXPECT_THAT(message_of<InputError>([] { prompt_of("A photo", "x", "y"); }),
              HasSubstr("accepted: a text with one {}"));
}

TEST(TokenPrompts, HaveOneIdForTheToken) {
  const ClipTokenizer without = tokenizer();
  const TokenPrompts prompts(without, "newclas");
  const std::vector<std::int64_t> ids = prompts.ids_of("a newclas bat", false);
  ASSERT_EQ(ids.size(), 5U);
  EXPECT_EQ(ids[2], prompts.token_id());
  EXPECT_EQ(ids[1], prompts.piece_of("a"));
  EXPECT_EQ(ids[3], without.pieces("bat")[1]);
  EXPECT_EQ(prompts.ids_of("a newclas bat", true).size(), 10U);
  EXPECT_EQ(prompts.ids_of("", true), prompts.empty_ids(10));
  EXPECT_EQ(prompts.empty_ids(4).size(), 4U);
}

TEST(TokenPrompts, SayWhatCannotBeTold) {
  const auto fault = [](const std::string& token, const std::vector<std::string>& templates, const std::string& initial,
                        const std::string& words, std::int64_t length = 10) {
    return message_of<InputError>([&] { TokenPrompts(tokenizer(length), token).require(templates, initial, {words}); });
  };
  TokenPrompts(tokenizer(), "newclas").require({"a photo of {}", "{}"}, "a", {"bat", "crane"});
  // Both ends, "a photo of newclas" and "bat": seven, and six places.
  EXPECT_THAT(fault("newclas", {"{}", "a photo of {}"}, "a", "bat", 6),
              AllOf(HasSubstr("prompt 'a photo of newclas bat': 7 tokens"), HasSubstr("at most 6")));
  EXPECT_THAT(fault("newclas", {"{}"}, "zebra", "bat"), HasSubstr("initial word 'zebra'"));
  EXPECT_THAT(fault("newclas", {"{}"}, "a bat", "bat"), HasSubstr("initial word 'a bat': 2 pieces"));
  EXPECT_THAT(fault("newclas", {"{}"}, "newclas", "bat"), HasSubstr("initial word 'newclas': the token itself"));
  EXPECT_THAT(fault("bat", {"{}"}, "a", "crane"), HasSubstr("token 'bat' is in the vocabulary already"));
  // Added tokens are found inside words.
  EXPECT_THAT(fault("phot", {"a photo of {}"}, "a", "bat"),
              AllOf(HasSubstr("token 'phot': prompt 'a photo of phot bat'"), HasSubstr("elsewhere too")));
  EXPECT_THAT(fault("rane", {"{}"}, "a", "crane"), HasSubstr("token 'rane': prompt"));
}

}  // namespace
}  // namespace assay::class_tokens
