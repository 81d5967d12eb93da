#include "diffusion/text/clip_vocabulary.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "diffusion/text/clip_tokenizer.h"
#include "tests/diffusion/text/clip_files.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using nlohmann::json;
using test::message_of;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::vector<std::string> merges = {"c a", "ca t</w>", "d o", "do g</w>"};

json file_of(const TemporaryFolder& folder, const char* name) { return json::parse(read_file(folder / name)); }

std::string refusal(const TemporaryFolder& folder) {
  return message_of<InputError>([&] { ClipTokenizer::from_folder(folder.path()); });
}

/// The one file that transformers writes in place of vocab.json and merges.txt.
json tokenizer_json(bool pairs) {
  json list = json::array();
  for (const std::string& merge : merges) {
    const std::size_t space = merge.find(' ');
    if (pairs)
      list.push_back({merge.substr(0, space), merge.substr(space + 1)});
    else
      list.push_back(merge);
  }
  return {{"added_tokens", json::array()},
          {"model",
           {{"type", "BPE"}, {"end_of_word_suffix", "</w>"}, {"vocab", test::clip_pieces(merges)}, {"merges", list}}}};
}

TEST(ClipVocabulary, OneFileSaysTheSameAsTwo) {
  const TemporaryFolder two, one;
  test::write_clip_folder(two, merges);
  const ClipTokenizer expected = ClipTokenizer::from_folder(two.path());
  for (const bool pairs : {true, false}) {
    one.file("tokenizer.json", tokenizer_json(pairs).dump());
    const ClipTokenizer tokenizer = ClipTokenizer::from_folder(one.path());
    EXPECT_EQ(tokenizer.pieces("a cat, a dogcat"), expected.pieces("a cat, a dogcat"));
    EXPECT_EQ(tokenizer.length(), 77);  // where nothing says another
  }
}

TEST(ClipVocabulary, AddedTokensOfEitherFileGetTheirIds) {
  const TemporaryFolder folder;
  test::write_clip_folder(folder, merges);
  folder.file("added_tokens.json", R"({"newclas": 518, "<cat-toy>": 519})");
  EXPECT_EQ(ClipTokenizer::from_folder(folder.path()).pieces("NewClas<CAT-toy>"), (test::Ids{516, 518, 519, 517}));

  // A list in tokenizer_config.json takes the place of the older files.
  json config = file_of(folder, "tokenizer_config.json");
  config["added_tokens_decoder"] = {{"518", {{"content", "other"}, {"normalized", false}}}};
  folder.file("tokenizer_config.json", config.dump());
  const ClipTokenizer tokenizer = ClipTokenizer::from_folder(folder.path());
  EXPECT_EQ(tokenizer.vocabulary_size(), 519);
  EXPECT_EQ(tokenizer.pieces("other"), (test::Ids{516, 518, 517}));
  EXPECT_NE(tokenizer.pieces("OTHER"), (test::Ids{516, 518, 517}));  // not normalized: in this case alone

  folder.file("added_tokens.json", R"({"newclas": 530})");
  config.erase("added_tokens_decoder");
  folder.file("tokenizer_config.json", config.dump());
  EXPECT_THAT(refusal(folder), AllOf(HasSubstr("'newclas'"), HasSubstr("530"), HasSubstr("518")));
}

TEST(ClipVocabulary, AFileOfMergesThatWasCutOffIsRefused) {
  const TemporaryFolder folder;
  test::write_clip_folder(folder, merges);
  folder.file("merges.txt", "#version: 0.2\nc a\nca t</w>\nd o\n");
  EXPECT_THAT(refusal(folder), AllOf(HasSubstr("no merge makes 1 of"), HasSubstr("'dog</w>' (id 515)")));
  // A vocabulary without all bytes may hold any piece.
  json pieces = file_of(folder, "vocab.json");
  pieces["<|unused|>"] = pieces["A"];
  pieces.erase("A");
  folder.file("vocab.json", pieces.dump());
  EXPECT_EQ(ClipTokenizer::from_folder(folder.path()).vocabulary_size(), 518);
}

TEST(ClipVocabulary, ALengthThatIsNoNumberIsRefused) {
  const TemporaryFolder folder;
  test::write_clip_folder(folder, merges);
  json config = file_of(folder, "tokenizer_config.json");
  config["model_max_length"] = "77";
  folder.file("tokenizer_config.json", config.dump());
  EXPECT_THAT(refusal(folder), AllOf(HasSubstr("model_max_length \"77\""), HasSubstr("a number")));
}

TEST(ClipVocabulary, APadTokenThatIsInNoVocabularyIsAdded) {
  const TemporaryFolder folder;
  test::write_clip_folder(folder, merges, "<pad>");
  const ClipTokenizer tokenizer = ClipTokenizer::from_folder(folder.path());
  EXPECT_EQ(tokenizer.pad_id(), 518);
  EXPECT_EQ(tokenizer.vocabulary_size(), 519);
}

TEST(ClipVocabulary, RefusesTheMergesOfAnotherModel) {
  const TemporaryFolder folder;
  test::write_clip_folder(folder, merges);
  folder.file("merges.txt", "#version: 0.2\nc a\nz q\n");
  EXPECT_THAT(refusal(folder), AllOf(HasSubstr(folder.path().string()), HasSubstr("merge 2"), HasSubstr("'zq'"),
                                     HasSubstr("another model")));
}

TEST(ClipVocabulary, RefusesAFolderThatIsNoTokenizer) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<InputError>([&] { read_clip_vocabulary(folder / "absent"); }), HasSubstr("no such folder"));
  EXPECT_THAT(refusal(folder), HasSubstr("no vocab.json"));
  folder.file("vocab.json", "{}");
  EXPECT_THAT(refusal(folder), HasSubstr("no merges.txt"));
  folder.file("merges.txt", "a b\n");
  EXPECT_THAT(refusal(folder), HasSubstr("vocab.json: expected an object"));

  test::write_clip_folder(folder, merges);
  const auto with = [&](const char* file, const std::string& content) {
    test::write_clip_folder(folder, merges);
    folder.file(file, content);
    return refusal(folder);
  };
  EXPECT_THAT(with("merges.txt", "c a\nabc\n"), HasSubstr("merges.txt: line 2"));
  EXPECT_THAT(with("vocab.json", R"({"a": 0, "b": 0})"), HasSubstr("each of 0 to 1 once"));
  EXPECT_THAT(with("vocab.json", R"({"a": 0, "b": 7})"), HasSubstr("'b' has id 7"));
  EXPECT_THAT(with("vocab.json", R"({"a": "0"})"), HasSubstr("expected an id"));
  EXPECT_THAT(with("tokenizer_config.json", R"({"tokenizer_class": "T5Tokenizer"})"), HasSubstr("T5Tokenizer"));
  EXPECT_THAT(with("tokenizer_config.json", R"({"model_max_length": 1})"), HasSubstr("2 and more"));
  EXPECT_THAT(with("tokenizer.json", R"({"model": {"type": "Unigram"}})"), HasSubstr("not a tokenizer of CLIP"));
}

}  // namespace
}  // namespace assay
