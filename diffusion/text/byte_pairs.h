#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "diffusion/text/clip_vocabulary.h"
#include "diffusion/text/pair_merger.h"

namespace assay {

/// Learns merges of byte pairs (arXiv:1508.07909, algorithm 1) from the words of these texts, as CLIP divides them:
/// time and again the pair that occurs most often, of several the first in the order of its bytes; at most `most`, and
/// none that occurs once. Equal texts, in whatever order, give equal merges. Throws InputError for a text that is not
/// UTF-8.
Merges learn_merges(const std::vector<std::string>& texts, std::int64_t most);

/// The vocabulary of such merges, laid out as CLIP's: byte symbols, byte symbols at the end of a word, pieces in the
/// order of their merges, begin and end. Prompts are padded with the end to `length`.
ClipVocabulary clip_vocabulary_of(Merges merges, std::int64_t length);
ClipVocabulary learn_clip_vocabulary(const std::vector<std::string>& captions, std::int64_t merges,
                                     std::int64_t length);

}  // namespace assay
