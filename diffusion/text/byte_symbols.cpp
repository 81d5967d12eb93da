#include "diffusion/text/byte_symbols.h"

namespace assay {
namespace {

bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

/// UTF-8 of a character below U+0800.
std::string utf8(int character) {
  if (character < 0x80) return {static_cast<char>(character)};
  return {static_cast<char>(0xC0 | (character >> 6)), static_cast<char>(0x80 | (character & 0x3F))};
}

}  // namespace

const std::array<std::string, 256>& byte_symbols() {
  static const std::array<std::string, 256> symbols = [] {
    std::array<std::string, 256> all;
    int next = 0x100;
    for (int byte = 0; byte < 256; ++byte)
      all[static_cast<std::size_t>(byte)] = utf8(stands_for_itself(byte) ? byte : next++);
    return all;
  }();
  return symbols;
}

const std::vector<std::string>& ordered_byte_symbols() {
  static const std::vector<std::string> ordered = [] {
    std::vector<std::string> all;
    all.reserve(256);
    for (const bool itself : {true, false})
      for (int byte = 0; byte < 256; ++byte)
        if (stands_for_itself(byte) == itself) all.push_back(byte_symbols()[static_cast<std::size_t>(byte)]);
    return all;
  }();
  return ordered;
}

}  // namespace assay
