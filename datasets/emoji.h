#pragma once
#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace assay {

/// The emoji set: the fully-qualified entries of Unicode's emoji-test.txt, drawn with a colour bitmap font.
/// Sequences are shaped with HarfBuzz and must give one glyph. The glyph's bitmap is centred in a square, shrunk by
/// area average and put on the background; its alpha is the mask. Entries the font lacks are listed in problems().
/// All variants of one emoji (emoji_split_key) are in one split.
/// Glyphs are decoded and shrunk when the set is opened (in parallel) and kept: size * size * 4 bytes each.
/// Throws InputError for a missing or unusable font or list, naming the Debian package.
std::unique_ptr<Dataset> open_emoji(const DatasetSpec& spec);

/// What is missing to open it with default files, with the Debian packages; empty when nothing is.
std::string emoji_missing();

/// Where the font and the list are looked for, in order.
const std::vector<std::string>& emoji_font_places();
const std::vector<std::string>& emoji_list_places();

}  // namespace assay
