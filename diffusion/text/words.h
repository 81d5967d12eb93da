#pragma once
#include <string_view>
#include <vector>

namespace assay {

/// The words of a normalised() text as CLIP divides it before pairs are merged: 's 't 're 've 'm 'll 'd, runs of
/// letters, single numbers, runs of what is none of these and no white space. The names <|startoftext|> and
/// <|endoftext|> stand apart from what follows them. White space is left out. The views point into `text`.
std::vector<std::string_view> words_of(std::string_view text);

}  // namespace assay
