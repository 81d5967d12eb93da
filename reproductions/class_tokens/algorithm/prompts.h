#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "diffusion/text/clip_tokenizer.h"

namespace assay::class_tokens {

/// The name of a class as prompts have it: the first of the names that commas part, in lower case, with spaces for
/// underscores ("tiger_cat, Felis" gives "tiger cat").
std::string class_words(const std::string& label);

/// "A photo of {}" with the token in the braces, then a space and the words: "A photo of newclas tiger cat". Throws
/// InputError where filled_template() does.
std::string prompt_of(const std::string& prompt_template, const std::string& token, const std::string& words);

/// Prompts as a text encoder is told them, of which one word is a token that its vocabulary lacks.
class TokenPrompts {
 public:
  /// Throws InputError for a token that the vocabulary has.
  TokenPrompts(ClipTokenizer tokenizer, const std::string& token);

  /// The pieces of a prompt, padded to the length of the text encoder or as they are. Throws InputError for a prompt of
  /// more pieces than that.
  std::vector<std::int64_t> ids_of(const std::string& prompt, bool padded) const;
  /// The empty prompt, padded to `length`.
  std::vector<std::int64_t> empty_ids(std::size_t length) const;
  /// The id of a word that is one piece of the vocabulary. Throws InputError for any other word, the token among them.
  std::int64_t piece_of(const std::string& word) const;
  std::int64_t token_id() const { return id_; }

  /// Throws InputError where these words cannot be told under one of the templates, with the token or with the initial
  /// word in its place: where that is not one piece, where a prompt is too long, and where the token is found inside
  /// another word of the prompt, as the tokenizer finds added tokens.
  void require(const std::vector<std::string>& templates, const std::string& initial,
               const std::vector<std::string>& words) const;

 private:
  ClipTokenizer tokenizer_;
  std::string token_;
  std::int64_t id_;
};

}  // namespace assay::class_tokens
