#include "core/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/convertible_weights.h"
#include "core/error.h"
#include "core/file.h"
#include "core/nearest.h"
#include "core/safetensors_header.h"

namespace assay {
namespace {

struct TypeRow {
  DType type;
  std::string_view name;
  std::size_t size;
};

constexpr std::array<TypeRow, 14> types{{{DType::f16, "F16", 2},
                                         {DType::bf16, "BF16", 2},
                                         {DType::f32, "F32", 4},
                                         {DType::f64, "F64", 8},
                                         {DType::i8, "I8", 1},
                                         {DType::u8, "U8", 1},
                                         {DType::boolean, "BOOL", 1},
                                         {DType::i16, "I16", 2},
                                         {DType::i32, "I32", 4},
                                         {DType::i64, "I64", 8},
                                         {DType::u16, "U16", 2},
                                         {DType::u32, "U32", 4},
                                         {DType::u64, "U64", 8},
                                         {DType::other, "other", 0}}};

/// Bits of an element of types whose numbers are not read, to check their ranges; others are taken as the file has
/// them.
struct OtherType {
  std::string_view name;
  std::size_t bits;
};
constexpr std::array<OtherType, 7> other_types{
    {{"F4", 4}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"C64", 64}}};

const TypeRow& row_of(DType type) {
  return *std::find_if(types.begin(), types.end(), [&](const TypeRow& row) { return row.type == type; });
}

/// The elements of a tensor times `each`; false when the product overflows or a side is negative.
bool total_of(const std::vector<std::int64_t>& shape, std::size_t each, std::size_t& total) {
  total = each;
  for (const std::int64_t side : shape) {
    if (side < 0 || (side > 0 && total > std::numeric_limits<std::size_t>::max() / static_cast<std::size_t>(side)))
      return false;
    total *= static_cast<std::size_t>(side);
  }
  return true;
}

/// The bytes that a tensor of this type and shape takes where its type is `other`: those of its range where the type is
/// new to us. False as total_of().
bool bytes_of_other(const SafetensorsHeader::Entry& tensor, std::size_t range, std::size_t& bytes) {
  const auto row = std::find_if(other_types.begin(), other_types.end(),
                                [&](const OtherType& type) { return type.name == tensor.other_type; });
  if (!total_of(tensor.shape, row == other_types.end() ? 1 : row->bits, bytes)) return false;
  bytes = row == other_types.end() ? range : bytes / 8 + (bytes % 8 != 0 ? 1 : 0);
  return true;
}

template <class T>
std::span<const T> elements(const TensorView& view, DType want, std::string_view name) {
  if (view.type != want)
    throw InputError(fmt::format("tensor '{}': expected {}, got {}", name, name_of(want), view.type_name()));
  return {reinterpret_cast<const T*>(view.data.data()), view.data.size() / sizeof(T)};
}

}  // namespace

std::size_t size_of(DType type) {
  if (type == DType::other) throw Error("the size of an element is known of types that are read alone");
  return row_of(type).size;
}
std::string_view name_of(DType type) { return row_of(type).name; }

std::int64_t TensorView::numel() const {
  std::int64_t count = 1;
  for (const std::int64_t side : shape) count *= side;
  return count;
}

std::span<const float> TensorView::f32(std::string_view name) const { return elements<float>(*this, DType::f32, name); }
std::span<const std::int64_t> TensorView::i64(std::string_view name) const {
  return elements<std::int64_t>(*this, DType::i64, name);
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
      const auto row = std::find_if(types.begin(), types.end(), [&](const TypeRow& r) { return r.name == dtype; });
      tensor.type = row == types.end() ? DType::other : row->type;
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
                                      : total_of(tensor.shape, size_of(tensor.type), bytes)))
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

SafetensorsFile::SafetensorsFile(const std::filesystem::path& file) : path_(file.string()), content_(read_file(file)) {
  if (content_.size() < 9 || content_[8] != '{')
    if (const std::string what = foreign_weights(content_, file); !what.empty())
      throw InputError(fmt::format("{}: not a safetensors file: {}", path_, what));
  SafetensorsHeader header = parse_safetensors_header(content_, content_.size(), path_);
  metadata_ = std::move(header.metadata);
  for (auto& [name, entry] : header.tensors) {
    TensorView view{entry.type, std::move(entry.shape),
                    std::as_bytes(std::span(content_.data() + header.data_begin + entry.begin, entry.bytes))};
    view.other_type = std::move(entry.other_type);
    // The format does not promise alignment, and reading misaligned numbers in place is undefined.
    if (view.type != DType::other && reinterpret_cast<std::uintptr_t>(view.data.data()) % size_of(view.type) != 0) {
      realigned_.emplace_back(view.data.begin(), view.data.end());
      view.data = realigned_.back();
    }
    tensors_.emplace(name, std::move(view));
  }
}

const TensorView& SafetensorsFile::at(const std::string& name) const {
  const auto it = tensors_.find(name);
  if (it != tensors_.end()) return it->second;
  std::vector<std::string> names;
  for (const auto& [known, view] : tensors_) names.push_back(known);
  const std::string near = nearest_name(name, names);
  throw InputError(
      fmt::format("{}: has no tensor '{}'{}", path_, name, near.empty() ? "" : "; nearest: '" + near + "'"));
}

void SafetensorsWriter::add(const std::string& name, DType type, std::vector<std::int64_t> shape,
                            std::span<const std::byte> data) {
  std::size_t bytes = 0;
  if (!total_of(shape, size_of(type), bytes) || bytes != data.size())
    throw Error(
        fmt::format("tensor '{}': shape [{}] does not fit {} bytes", name, fmt::join(shape, ", "), data.size()));
  entries_[name] = {type, std::move(shape), std::string(reinterpret_cast<const char*>(data.data()), data.size())};
}

void SafetensorsWriter::add(const std::string& name, std::vector<std::int64_t> shape, std::span<const float> values) {
  add(name, DType::f32, std::move(shape), std::as_bytes(values));
}

void SafetensorsWriter::add(const std::string& name, std::vector<std::int64_t> shape,
                            std::span<const std::int64_t> values) {
  add(name, DType::i64, std::move(shape), std::as_bytes(values));
}

void SafetensorsWriter::write(const std::filesystem::path& file) const {
  // Wider elements first, as the reference writer does, so that every tensor is aligned to its element size.
  std::vector<const std::pair<const std::string, Entry>*> order;
  for (const auto& entry : entries_) order.push_back(&entry);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto* a, const auto* b) { return size_of(a->second.type) > size_of(b->second.type); });

  nlohmann::json header = nlohmann::json::object();
  if (!metadata_.empty()) header["__metadata__"] = metadata_;
  std::size_t offset = 0;
  for (const auto* entry : order) {
    const auto& [name, value] = *entry;
    header[name] = {
        {"dtype", name_of(value.type)}, {"shape", value.shape}, {"data_offsets", {offset, offset + value.data.size()}}};
    offset += value.data.size();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');

  std::string content(8, '\0');
  const std::uint64_t header_size = text.size();
  std::memcpy(content.data(), &header_size, 8);
  content += text;
  content.reserve(content.size() + offset);
  for (const auto* entry : order) content += entry->second.data;
  write_file_atomically(file, content);
}

}  // namespace assay
