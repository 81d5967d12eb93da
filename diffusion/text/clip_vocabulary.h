#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "diffusion/text/added_tokens.h"
#include "diffusion/text/pair_merger.h"

namespace assay {

/// What the files of a CLIP tokenizer say.
struct ClipVocabulary {
  Vocabulary ids;  // without added tokens beyond it
  Merges merges;
  std::vector<AddedToken> added;  // those with an id of the vocabulary too, as the two ends
  std::string begin = "<|startoftext|>", end = "<|endoftext|>", unknown = "<|endoftext|>", pad = "<|endoftext|>";
  std::int64_t length = 77;
  std::string where;  // for messages

  /// The id of a piece or an added token. Throws InputError that names `what` where there is none.
  std::int64_t id_of(const std::string& token, const std::string& what) const;
  /// The ids in use: of vocabulary and added tokens.
  std::int64_t size() const;
};

/// Reads tokenizer.json, or else vocab.json and merges.txt, then what tokenizer_config.json, special_tokens_map.json
/// and added_tokens.json say where they are there, with the precedence that transformers 5 gives them. Throws
/// InputError for files that are missing, of another kind of tokenizer or of another model than each other.
ClipVocabulary read_clip_vocabulary(const std::filesystem::path& folder);

/// As ClipTokenizer::save().
void save_clip_vocabulary(const ClipVocabulary& vocabulary, const std::filesystem::path& folder);

}  // namespace assay
