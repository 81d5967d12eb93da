#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/image.h"

namespace assay {

/// A font file in memory, shared by the ColourFont of each thread.
struct FontFile {
  std::string path, bytes;
};

/// A font whose glyphs are colour bitmaps (tables CBDT and CBLC, PNG inside). Not thread-safe: one object per thread.
class ColourFont {
 public:
  /// Throws InputError naming the file unless it is a font with colour bitmaps.
  explicit ColourFont(std::shared_ptr<const FontFile> file);
  ~ColourFont();
  ColourFont(const ColourFont&) = delete;
  ColourFont& operator=(const ColourFont&) = delete;

  struct Shaped {
    std::uint32_t glyph = 0;  // 0 where the font cannot show the sequence as one glyph
    std::string missing;      // then: why
  };
  /// The one glyph of a sequence. Variation selectors that the font ignores do not count; any other code point that
  /// is left over (as the tags of a flag the font does not know) makes the sequence missing.
  Shaped shape(const std::vector<char32_t>& code_points) const;

  /// The glyph's largest strike, RGBA with straight alpha, in a square: the wide sides are cut where they are fully
  /// transparent, else the short sides are padded. Throws InputError when the font holds no such bitmap or it is
  /// damaged.
  Image bitmap(std::uint32_t glyph) const;

 private:
  struct Handles;
  std::shared_ptr<const FontFile> file_;
  std::unique_ptr<Handles> handles_;
};

}  // namespace assay
