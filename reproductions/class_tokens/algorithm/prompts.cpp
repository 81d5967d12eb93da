#include "reproductions/class_tokens/algorithm/prompts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "core/error.h"
#include "reproductions/samples/prompt_template.h"

namespace assay::class_tokens {

std::string class_words(const std::string& label) {
  std::string words = label.substr(0, label.find(','));
  std::transform(words.begin(), words.end(), words.begin(),
                 [](unsigned char c) { return c == '_' ? ' ' : static_cast<char>(std::tolower(c)); });
  return words;
}

std::string prompt_of(const std::string& prompt_template, const std::string& token, const std::string& words) {
  return filled_template(prompt_template, token) + " " + words;
}

TokenPrompts::TokenPrompts(ClipTokenizer tokenizer, const std::string& token)
    : tokenizer_(std::move(tokenizer)), token_(token), id_(tokenizer_.add_token(token)) {}

std::vector<std::int64_t> TokenPrompts::ids_of(const std::string& prompt, bool padded) const {
  std::vector<std::int64_t> pieces = tokenizer_.pieces(prompt);
  if (static_cast<std::int64_t>(pieces.size()) > tokenizer_.length())
    throw InputError(fmt::format("prompt '{}': {} tokens; accepted by this text encoder: at most {}", prompt,
                                 pieces.size(), tokenizer_.length()));
  return padded ? tokenizer_.encode(prompt).ids : pieces;
}

std::vector<std::int64_t> TokenPrompts::empty_ids(std::size_t length) const {
  std::vector<std::int64_t> ids = tokenizer_.pieces("");
  ids.resize(length, tokenizer_.pad_id());
  return ids;
}

std::int64_t TokenPrompts::piece_of(const std::string& word) const {
  const std::vector<std::int64_t> pieces = tokenizer_.pieces(word);
  if (pieces.size() != 3)
    throw InputError(fmt::format("initial word '{}': {} pieces of the vocabulary; accepted: a word that is one", word,
                                 pieces.size() - 2));
  if (pieces[1] == id_)
    throw InputError(fmt::format("initial word '{}': the token itself; accepted: a word of the vocabulary", word));
  return pieces[1];
}

void TokenPrompts::require(const std::vector<std::string>& templates, const std::string& initial,
                           const std::vector<std::string>& words) const {
  piece_of(initial);
  for (const std::string& text : templates)
    for (const std::string& of_class : words)
      for (const bool with_token : {true, false}) {
        const std::string prompt = prompt_of(text, with_token ? token_ : initial, of_class);
        const std::vector<std::int64_t> ids = ids_of(prompt, false);
        if (std::count(ids.begin(), ids.end(), id_) != (with_token ? 1 : 0))
          throw InputError(
              fmt::format("token '{}': prompt '{}' has it elsewhere too; accepted: a word that is part of no other",
                          token_, prompt));
      }
}

}  // namespace assay::class_tokens
