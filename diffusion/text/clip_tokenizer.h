#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "diffusion/text/added_tokens.h"
#include "diffusion/text/clip_vocabulary.h"
#include "diffusion/text/pair_merger.h"

namespace assay {

/// CLIP's tokenizer (arXiv:2103.00020, section 2.4): lower-cased byte pairs with an end-of-word mark. Gives the ids of
/// transformers' CLIPTokenizer (5.24): text is normalised (NFC, white space, lower case), nothing is unescaped or
/// mended, and added tokens are found inside words. Texts are UTF-8; others throw InputError. Reading is safe from
/// several threads.
class ClipTokenizer {
 public:
  /// From a folder of the hub: see read_clip_vocabulary().
  static ClipTokenizer from_folder(const std::filesystem::path& folder);
  /// A vocabulary learned from captions: 512 byte symbols, up to `merges` pieces, the two ends of a text. Padded with
  /// the end to `length` tokens, which is at least 2.
  static ClipTokenizer learned(const std::vector<std::string>& captions, std::int64_t merges, std::int64_t length);
  explicit ClipTokenizer(ClipVocabulary vocabulary);

  /// The begin of the text, its pieces and the end: neither cut nor padded.
  std::vector<std::int64_t> pieces(const std::string& text) const;

  struct Prompt {
    std::vector<std::int64_t> ids;  // length() of them
    std::int64_t dropped = 0;       // pieces that were cut off; begin and end stay
  };
  Prompt encode(const std::string& text) const;

  /// Registers a word as one token, found in any case and inside other words, and gives its id: vocabulary_size() as it
  /// was. Throws InputError for a word that the vocabulary or the added tokens have already, in whatever case, and for
  /// one with nothing but white space.
  std::int64_t add_token(const std::string& word);

  /// Tokens of a prompt.
  std::int64_t length() const { return vocabulary_.length; }
  /// Added tokens included.
  std::int64_t vocabulary_size() const { return size_; }
  std::int64_t begin_id() const { return begin_; }
  std::int64_t end_id() const { return end_; }
  std::int64_t pad_id() const { return pad_; }

  /// Writes vocab.json, merges.txt, tokenizer_config.json and special_tokens_map.json, which transformers and
  /// from_folder() read.
  void save(const std::filesystem::path& folder) const { save_clip_vocabulary(vocabulary_, folder); }

 private:
  void make_findable(const AddedToken& token);

  ClipVocabulary vocabulary_;
  PairMerger merger_;
  AddedTokenFinder in_given_text_, in_normalised_text_;
  std::int64_t size_ = 0, begin_ = 0, end_ = 0, pad_ = 0;
};

}  // namespace assay
