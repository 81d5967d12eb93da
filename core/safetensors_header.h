#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/safetensors.h"

namespace assay {

/// What a safetensors file says of its tensors, for readers that do not hold the file in memory.
struct SafetensorsHeader {
  struct Entry {
    DType type = DType::f32;
    std::string other_type;  // the format's name of the type where `type` is `other`
    std::vector<std::int64_t> shape;
    std::uint64_t begin = 0;  // first byte, counted from `data_begin`
    std::uint64_t bytes = 0;
  };
  std::map<std::string, Entry> tensors;
  std::map<std::string, std::string> metadata;
  std::uint64_t data_begin = 0;  // in the file
};

/// The length of the JSON text that follows the first 8 bytes. `begin` holds those at least. Throws InputError that
/// starts with `path` where the file is too short for it.
std::uint64_t safetensors_header_size(std::string_view begin, std::uint64_t file_size, const std::string& path);

/// Checks all that can be checked without the data: shapes against byte ranges, ranges inside the file and not
/// overlapping, no gaps. `begin` holds the 8 bytes and the text. Throws InputError that starts with `path`.
SafetensorsHeader parse_safetensors_header(std::string_view begin, std::uint64_t file_size, const std::string& path);

}  // namespace assay
