#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
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

/// What the index of a set of files says.
struct SafetensorsIndex {
  std::map<std::string, std::string> file_of;  // the file's name by the tensor's
  std::set<std::string> files;                 // their names, in the folder of the index
};

/// Reads the index of a set. Throws InputError where it is no index, and for files that are not there, in one
/// line.
SafetensorsIndex read_safetensors_index(const std::filesystem::path& index);

/// The bytes of a tensor whose elements take `each`; false when the product overflows or a side is negative.
bool total_bytes(const std::vector<std::int64_t>& shape, std::size_t each, std::size_t& total);

/// The length of the JSON text that follows the first 8 bytes. `begin` holds those at least. Throws InputError that
/// starts with `path` where the file is too short for it.
std::uint64_t safetensors_header_size(std::string_view begin, std::uint64_t file_size, const std::string& path);

/// Checks all that can be checked without the data: shapes against byte ranges, ranges inside the file and not
/// overlapping, no gaps. `begin` holds the 8 bytes and the text. Throws InputError that starts with `path`.
SafetensorsHeader parse_safetensors_header(std::string_view begin, std::uint64_t file_size, const std::string& path);

}  // namespace assay
