#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/file.h"
#include "images/png.h"

namespace assay::test {

/// The check sum of a PNG's chunk (CRC-32 as its specification gives it, bit by bit).
inline std::uint32_t chunk_sum(const std::string& bytes) {
  std::uint32_t sum = 0xFFFFFFFF;
  for (const char c : bytes) {
    sum ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) sum = sum & 1 ? sum >> 1 ^ 0xEDB88320 : sum >> 1;
  }
  return ~sum;
}

inline std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFF);
  return bytes;
}

/// A PNG with tEXt chunks (keyword, text) behind its header.
inline std::string png_with_texts(const Image& image, const std::vector<std::pair<std::string, std::string>>& texts) {
  std::string chunks;
  for (const auto& [keyword, text] : texts) {
    const std::string content = "tEXt" + keyword + '\0' + text;
    chunks += big_endian(static_cast<std::uint32_t>(content.size() - 4)) + content + big_endian(chunk_sum(content));
  }
  return encode_png(image).insert(33, chunks);
}

/// An opaque rectangle in one colour in the middle of a transparent picture, with a margin on all sides.
inline Image object_image(int width, int height, int margin, std::uint8_t red, std::uint8_t alpha = 255) {
  Image image(width, height, 4, 0);
  for (int y = margin; y < height - margin; ++y)
    for (int x = margin; x < width - margin; ++x) {
      image.at(x, y)[0] = red;
      image.at(x, y)[3] = alpha;
    }
  return image;
}

/// Writes a file with the folders it lies in.
inline void write_below(const std::filesystem::path& folder, const std::string& path, const std::string& bytes) {
  std::filesystem::create_directories((folder / path).parent_path());
  write_file_atomically(folder / path, bytes);
}

}  // namespace assay::test
