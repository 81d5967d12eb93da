#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "diffusion/text/clip_tokenizer.h"

namespace assay::diffusion_seg {

/// A prompt and where in it the object is named.
struct ObjectPrompt {
  std::string text;
  std::string words;                 // of the object
  std::vector<std::int64_t> places;  // of the tokens of these words, the begin of the text being 0
};

/// "a photo of a {}" with the words in its braces. Places beyond the length of a prompt are left out. Throws InputError
/// for a template without braces, and where no token of the words is left or they are cut into other tokens there than
/// alone, as in "{}s".
ObjectPrompt object_prompt(const ClipTokenizer& tokenizer, const std::string& prompt_template,
                           const std::string& words);

}  // namespace assay::diffusion_seg
