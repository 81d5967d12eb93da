#include "diffusion/text/clip_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "diffusion/text/byte_pairs.h"
#include "diffusion/text/byte_symbols.h"
#include "diffusion/text/unicode_text.h"
#include "diffusion/text/words.h"

namespace assay {

ClipTokenizer ClipTokenizer::from_folder(const std::filesystem::path& folder) {
  return ClipTokenizer(read_clip_vocabulary(folder));
}

ClipTokenizer ClipTokenizer::learned(const std::vector<std::string>& captions, std::int64_t merges,
                                     std::int64_t length) {
  return ClipTokenizer(learn_clip_vocabulary(captions, merges, length));
}

ClipTokenizer::ClipTokenizer(ClipVocabulary vocabulary)
    : vocabulary_(std::move(vocabulary)),
      merger_(vocabulary_.ids, vocabulary_.merges, vocabulary_.id_of(vocabulary_.unknown, "unk_token"),
              vocabulary_.where),
      size_(vocabulary_.size()),
      begin_(vocabulary_.id_of(vocabulary_.begin, "bos_token")),
      end_(vocabulary_.id_of(vocabulary_.end, "eos_token")),
      pad_(vocabulary_.id_of(vocabulary_.pad, "pad_token")) {
  if (vocabulary_.length < 2)
    throw InputError(
        fmt::format("{}: prompts of {} tokens; accepted: at least 2", vocabulary_.where, vocabulary_.length));
  for (const AddedToken& token : vocabulary_.added) make_findable(token);
}

void ClipTokenizer::make_findable(const AddedToken& token) {
  if (token.normalized)
    in_normalised_text_.add(normalised(token.content), token.id);
  else
    in_given_text_.add(token.content, token.id);
}

std::vector<std::int64_t> ClipTokenizer::pieces(const std::string& text) const {
  check_utf8(text, "prompt");
  std::vector<std::int64_t> ids = {begin_};
  for (const AddedTokenFinder::Part& given : in_given_text_.divide(text)) {
    if (const auto* id = std::get_if<std::int64_t>(&given)) {
      ids.push_back(*id);
      continue;
    }
    const std::string normal = normalised(std::get<std::string_view>(given));
    for (const AddedTokenFinder::Part& part : in_normalised_text_.divide(normal)) {
      if (const auto* id = std::get_if<std::int64_t>(&part)) {
        ids.push_back(*id);
        continue;
      }
      for (const std::string_view word : words_of(std::get<std::string_view>(part))) merger_.append(word, ids);
    }
  }
  ids.push_back(end_);
  return ids;
}

ClipTokenizer::Prompt ClipTokenizer::encode(const std::string& text) const {
  Prompt prompt{pieces(text), 0};
  const auto length = static_cast<std::size_t>(vocabulary_.length);
  if (prompt.ids.size() > length) {
    prompt.dropped = static_cast<std::int64_t>(prompt.ids.size() - length);
    prompt.ids.resize(length);
    prompt.ids.back() = end_;
  }
  prompt.ids.resize(length, pad_);
  return prompt;
}

std::int64_t ClipTokenizer::add_token(const std::string& word) {
  check_utf8(word, "token");
  const std::string normal = normalised(word);
  if (words_of(normal).empty()) throw InputError(fmt::format("token '{}': nothing but white space", word));
  const bool added = std::any_of(vocabulary_.added.begin(), vocabulary_.added.end(), [&](const AddedToken& token) {
    return token.content == word || (token.normalized ? normalised(token.content) : token.content) == normal;
  });
  std::string symbols;  // as the vocabulary spells the word
  for (const char byte : normal) symbols += byte_symbols()[static_cast<unsigned char>(byte)];
  if (added || vocabulary_.ids.contains(word) || vocabulary_.ids.contains(symbols) ||
      vocabulary_.ids.contains(symbols + std::string(end_of_word)))
    throw InputError(
        fmt::format("token '{}' is in the vocabulary already; accepted: a word that the model does not know", word));
  const AddedToken token{word, size_, false, true};
  make_findable(token);
  vocabulary_.added.push_back(token);
  return size_++;
}

}  // namespace assay
