#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "images/image.h"

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
  /// The one glyph of a sequence. Variation selectors that the font ignores do not count. A sequence is missing when
  /// another code point is left over, and when the font shows a stand-in: the glyph of the first code point alone, or
  /// the one for flags it does not know.
  Shaped shape(const std::vector<char32_t>& code_points) const;

  /// The glyph's largest strike, RGBA with straight alpha, in a square: the wide sides are cut where they are fully
  /// transparent, else the short sides are padded. Throws InputError when the font holds no such bitmap or it is
  /// damaged.
  Image bitmap(std::uint32_t glyph) const;

 private:
  Shaped shape_plainly(const std::vector<char32_t>& code_points) const;

  struct Handles;
  std::shared_ptr<const FontFile> file_;
  std::unique_ptr<Handles> handles_;
  std::uint32_t unknown_flag_ = 0;  // 0 where the font has none
};

}  // namespace assay
