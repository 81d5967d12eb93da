#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace assay {

/// What a PNG says of itself, without decoding its pixels.
struct PngHeader {
  std::uint32_t width = 0, height = 0;
  std::map<std::string, std::string> texts;  // of its tEXt chunks by keyword, the first of each; bytes as stored
};

/// Reads as far as the chunks are whole; check sums are not verified. Width and height are 0 where the file does not
/// begin as a PNG does: decode_png() says what is wrong with it.
PngHeader read_png_header(std::string_view bytes);

}  // namespace assay
