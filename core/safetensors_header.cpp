#include "core/safetensors_header.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/phrases.h"

namespace assay {
namespace {

/// Bits of an element of types whose numbers are not read, to check their ranges; others are taken as the file has
/// them.
struct OtherType {
  std::string_view name;
  std::size_t bits;
};
constexpr std::array<OtherType, 7> other_types{
    {{"F4", 4}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"C64", 64}}};

/// The bytes that a tensor of this type and shape takes where its type is `other`: those of its range where the type is
/// new to us. False as total_bytes().
bool bytes_of_other(const SafetensorsHeader::Entry& tensor, std::size_t range, std::size_t& bytes) {
  const auto row = std::find_if(other_types.begin(), other_types.end(),
                                [&](const OtherType& type) { return type.name == tensor.other_type; });
  if (!total_bytes(tensor.shape, row == other_types.end() ? 1 : row->bits, bytes)) return false;
  bytes = row == other_types.end() ? range : bytes / 8 + (bytes % 8 != 0 ? 1 : 0);
  return true;
}

}  // namespace

bool total_bytes(const std::vector<std::int64_t>& shape, std::size_t each, std::size_t& total) {
  constexpr std::size_t most = std::numeric_limits<std::int64_t>::max();
  // Of the sides but 0, so that the product of some of them fits too.
  std::size_t product = each;
  bool empty = false;
  for (const std::int64_t side : shape) {
    empty = empty || side == 0;
    if (side < 0 || (side > 0 && product > most / static_cast<std::size_t>(side))) return false;
    product *= static_cast<std::size_t>(std::max<std::int64_t>(side, 1));
  }
  total = empty ? 0 : product;
  return true;
}

std::uint64_t safetensors_header_size(std::string_view begin, std::uint64_t file_size, const std::string& path) {
  const auto fault = [&](const std::string& what) {
    return InputError(path + ": not a usable safetensors file: " + what);
  };
  if (file_size < 8) throw fault(fmt::format("{} bytes long, too short for a header", file_size));
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, begin.data(), 8);
  if (header_size > file_size - 8)
    throw fault(fmt::format("the header claims {} bytes, the file has {}: truncated?", header_size, file_size - 8));
  return header_size;
}

SafetensorsHeader parse_safetensors_header(std::string_view begin, std::uint64_t file_size, const std::string& path) {
  const auto fault = [&](const std::string& what) {
    return InputError(path + ": not a usable safetensors file: " + what);
  };
  const std::uint64_t header_size = safetensors_header_size(begin, file_size, path);
  nlohmann::json header;
  try {
    header = nlohmann::json::parse(begin.begin() + 8, begin.begin() + 8 + static_cast<std::ptrdiff_t>(header_size));
  } catch (const nlohmann::json::exception&) {
    throw fault("the header is not JSON");
  }
  if (!header.is_object()) throw fault("the header is not a JSON object");

  SafetensorsHeader out;
  out.data_begin = 8 + header_size;
  const std::uint64_t data_size = file_size - out.data_begin;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) throw fault("__metadata__ is not an object");
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) throw fault(fmt::format("metadata '{}' is not a string", key));
        out.metadata[key] = value.get<std::string>();
      }
      continue;
    }
    SafetensorsHeader::Entry tensor;
    std::uint64_t end = 0;
    try {
      const auto dtype = entry.at("dtype").get<std::string>();
      tensor.type = dtype_named(dtype);
      if (tensor.type == DType::other) tensor.other_type = dtype;
      const auto& shape = entry.at("shape");
      if (!shape.is_array()) throw fault(fmt::format("tensor '{}' has a shape that is not a list", name));
      for (const auto& side : shape) {
        if (!side.is_number_integer()) throw fault(fmt::format("tensor '{}' has a shape that is not integers", name));
        tensor.shape.push_back(side.get<std::int64_t>());
      }
      const auto& offsets = entry.at("data_offsets");
      if (offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
        throw fault(fmt::format("tensor '{}' has bad data_offsets", name));
      tensor.begin = offsets[0].get<std::uint64_t>();
      end = offsets[1].get<std::uint64_t>();
    } catch (const nlohmann::json::exception&) {
      throw fault(fmt::format("tensor '{}' lacks a valid dtype, shape or data_offsets", name));
    }
    if (tensor.begin > end || end > data_size)
      throw fault(
          fmt::format("tensor '{}' spans bytes {} to {} of {}: truncated?", name, tensor.begin, end, data_size));
    std::size_t bytes = 0;
    if (!(tensor.type == DType::other ? bytes_of_other(tensor, end - tensor.begin, bytes)
                                      : total_bytes(tensor.shape, size_of(tensor.type), bytes)))
      throw fault(fmt::format("tensor '{}' has an impossible shape [{}]", name, fmt::join(tensor.shape, ", ")));
    if (end - tensor.begin != bytes)
      throw fault(fmt::format("tensor '{}' of shape [{}] needs {} bytes, its range has {}", name,
                              fmt::join(tensor.shape, ", "), bytes, end - tensor.begin));
    tensor.bytes = bytes;
    if (bytes > 0) ranges.emplace_back(tensor.begin, end);
    out.tensors.emplace(name, std::move(tensor));
  }

  std::sort(ranges.begin(), ranges.end());
  std::uint64_t expected = 0;
  for (const auto& [begin_of, end_of] : ranges) {
    if (begin_of < expected) throw fault(fmt::format("tensors overlap at byte {}", begin_of));
    if (begin_of > expected) throw fault(fmt::format("bytes {} to {} belong to no tensor", expected, begin_of));
    expected = end_of;
  }
  if (expected != data_size) throw fault(fmt::format("bytes {} to {} belong to no tensor", expected, data_size));
  return out;
}

bool is_safetensors_index(const std::filesystem::path& file) {
  return file.extension() == ".json" && file.filename().string().find(".safetensors.index.") != std::string::npos;
}

SafetensorsIndex read_safetensors_index(const std::filesystem::path& index) {
  const nlohmann::json whole = parse_json(read_file(index), index.string());
  const auto map = whole.is_object() ? whole.find("weight_map") : whole.end();
  if (map == whole.end() || !map->is_object() || map->empty())
    throw InputError(index.string() + ": no weight_map; expected an object of tensors and the files they are in");
  SafetensorsIndex out;
  for (const auto& [tensor, file] : map->items()) {
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    if (!name.ends_with(".safetensors") || name.find('/') != std::string::npos)
      throw InputError(
          fmt::format("{}: tensor '{}' is said to be in {}; accepted: the name of a .safetensors file beside "
                      "the index",
                      index.string(), tensor, file.dump()));
    out.file_of.emplace(tensor, name);
    out.files.insert(name);
  }
  std::vector<std::string> missing;
  for (const std::string& name : out.files)
    // With a code: a name may be longer than any file's.
    if (std::error_code code; !std::filesystem::is_regular_file(index.parent_path() / name, code))
      missing.push_back(name);
  if (!missing.empty())
    throw InputError(fmt::format("{}: {} of its {} is missing beside it: {}", index.string(), missing.size(),
                                 counted(static_cast<std::int64_t>(out.files.size()), "file"), first_few(missing)));
  return out;
}

}  // namespace assay
