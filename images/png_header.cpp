#include "images/png_header.h"

namespace assay {
namespace {

std::uint32_t big_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace

PngHeader read_png_header(std::string_view bytes) {
  constexpr std::string_view signature("\x89PNG\r\n\x1a\n", 8);
  PngHeader header;
  if (!bytes.starts_with(signature)) return header;
  // A chunk: length, kind, content, check sum.
  for (std::size_t at = signature.size(); bytes.size() - at >= 12;) {
    const std::size_t size = big_endian(bytes, at);
    if (size > bytes.size() - at - 12) break;
    const std::string_view kind = bytes.substr(at + 4, 4), content = bytes.substr(at + 8, size);
    if (kind == "IHDR" && size >= 8) {
      header.width = big_endian(content, 0);
      header.height = big_endian(content, 4);
    } else if (kind == "tEXt" && content.find('\0') != std::string_view::npos) {
      const std::size_t end = content.find('\0');
      header.texts.emplace(content.substr(0, end), content.substr(end + 1));
    }
    at += size + 12;
  }
  return header;
}

}  // namespace assay
