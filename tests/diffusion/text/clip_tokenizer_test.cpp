#include "diffusion/text/clip_tokenizer.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "tests/diffusion/text/clip_files.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::clip_expectations;
using test::Ids;
using test::message_of;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Folder : public TemporaryFolder {
 public:
  explicit Folder(const std::string& pad = "<|endoftext|>") {
    test::write_clip_folder(*this, test::first_clip_merges(), pad);
  }
  ClipTokenizer tokenizer() const { return ClipTokenizer::from_folder(path()); }
};

void expect_pieces(const ClipTokenizer& tokenizer, const char* texts, const char* ids) {
  const auto& expected = clip_expectations();
  ASSERT_GT(expected.at(texts).size(), 0U);
  for (std::size_t i = 0; i < expected.at(texts).size(); ++i)
    EXPECT_EQ(tokenizer.pieces(expected.at(texts)[i]), expected.at(ids)[i].get<Ids>()) << expected.at(texts)[i].dump();
}

TEST(ClipTokenizer, GivesTheIdsOfThePeer) { expect_pieces(Folder().tokenizer(), "texts", "ids"); }

TEST(ClipTokenizer, APadTokenOfTheVocabularyIsFoundInTextsAsAWhole) {
  const ClipTokenizer tokenizer = Folder("!").tokenizer();
  EXPECT_EQ(tokenizer.pad_id(), 0);
  expect_pieces(tokenizer, "texts", "ids_padded_with_0");
}

TEST(ClipTokenizer, CutsAndPadsAsThePeer) {
  for (const auto& [pad, key] : {std::pair("<|endoftext|>", "padded"), std::pair("!", "padded_with_0")}) {
    const ClipTokenizer tokenizer = Folder(pad).tokenizer();
    ASSERT_EQ(tokenizer.length(), 16);
    for (std::size_t i = 0; i < clip_expectations().at("texts").size(); ++i) {
      const std::string text = clip_expectations().at("texts")[i];
      const ClipTokenizer::Prompt prompt = tokenizer.encode(text);
      EXPECT_EQ(prompt.ids, clip_expectations().at(key)[i].get<Ids>()) << text;
      const auto all = static_cast<std::int64_t>(tokenizer.pieces(text).size());
      EXPECT_EQ(prompt.dropped, std::max<std::int64_t>(0, all - 16));
    }
  }
}

TEST(ClipTokenizer, AddedTokensAreFoundInAnyCaseAndInsideWords) {
  ClipTokenizer tokenizer = Folder().tokenizer();
  const std::int64_t before = tokenizer.vocabulary_size();
  for (const std::string word : clip_expectations().at("added")) tokenizer.add_token(word);
  EXPECT_EQ(tokenizer.vocabulary_size(), before + 2);
  expect_pieces(tokenizer, "added_texts", "added_ids");
}

TEST(ClipTokenizer, RefusesATokenThatIsThereAlready) {
  ClipTokenizer tokenizer = Folder().tokenizer();
  const std::int64_t before = tokenizer.vocabulary_size();
  EXPECT_EQ(tokenizer.add_token("newclas"), before);
  // A whole word of the vocabulary, a piece of it, the end, and the added one in capitals.
  for (const std::string word : {"photo", "the", "<|endoftext|>", "NewClas", "newclas"})
    EXPECT_THAT(message_of<InputError>([&] { tokenizer.add_token(word); }),
                AllOf(HasSubstr(word), HasSubstr("in the vocabulary already")));
  EXPECT_THAT(message_of<InputError>([&] { tokenizer.add_token(" \t"); }), HasSubstr("nothing but white space"));
  EXPECT_THAT(message_of<InputError>([&] { tokenizer.add_token("\xff"); }), HasSubstr("not UTF-8"));
}

TEST(ClipTokenizer, RefusesATextThatIsNotUtf8) {
  const ClipTokenizer tokenizer = Folder().tokenizer();
  EXPECT_THAT(message_of<InputError>([&] { tokenizer.pieces("a photo \xc3("); }), HasSubstr("byte 8 is not UTF-8"));
}

TEST(ClipTokenizer, ReadsBackWhatItSaves) {
  ClipTokenizer tokenizer = Folder("!").tokenizer();
  tokenizer.add_token("zorbit");
  const TemporaryFolder copy;
  tokenizer.save(copy.path());
  const ClipTokenizer again = ClipTokenizer::from_folder(copy.path());
  EXPECT_EQ(again.vocabulary_size(), tokenizer.vocabulary_size());
  EXPECT_EQ(again.length(), 16);
  EXPECT_EQ(again.pad_id(), 0);
  EXPECT_EQ(again.pieces("my ZORBITs!"), tokenizer.pieces("my ZORBITs!"));
  expect_pieces(again, "texts", "ids_padded_with_0");
}

TEST(ClipTokenizer, ALearnedVocabularyIsACompleteOne) {
  const std::vector<std::string> captions = {"a red circle", "a red square", "a blue circle", "two red dogs"};
  const ClipTokenizer tokenizer = ClipTokenizer::learned(captions, 7, 6);
  EXPECT_EQ(tokenizer.vocabulary_size(), 512 + 7 + 2);
  EXPECT_EQ(tokenizer.begin_id(), 519);
  EXPECT_EQ(tokenizer.end_id(), 520);
  EXPECT_EQ(tokenizer.pad_id(), 520);
  EXPECT_EQ(tokenizer.encode("").ids, (Ids{519, 520, 520, 520, 520, 520}));
  // What no caption has still has ids: bytes.
  EXPECT_EQ(tokenizer.pieces("\xc3\xa9").size(), 4U);
  EXPECT_THAT(message_of<InputError>([&] { ClipTokenizer::learned(captions, 7, 1); }), HasSubstr("at least 2"));
}

}  // namespace
}  // namespace assay
