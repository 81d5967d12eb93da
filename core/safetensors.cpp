#include "core/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
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

const TypeRow& row_of(DType type) {
  return *std::find_if(types.begin(), types.end(), [&](const TypeRow& row) { return row.type == type; });
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
DType dtype_named(std::string_view name) {
  const auto row = std::find_if(types.begin(), types.end(), [&](const TypeRow& r) { return r.name == name; });
  return row == types.end() ? DType::other : row->type;
}

std::int64_t TensorView::numel() const {
  std::int64_t count = 1;
  for (const std::int64_t side : shape) count *= side;
  return count;
}

std::span<const float> TensorView::f32(std::string_view name) const { return elements<float>(*this, DType::f32, name); }
std::span<const std::int64_t> TensorView::i64(std::string_view name) const {
  return elements<std::int64_t>(*this, DType::i64, name);
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& file) : path_(file.string()) {
  if (is_safetensors_index(file))
    open_set(file);
  else
    open(file);
}

void SafetensorsFile::release(const TensorView& tensor) const {
  const std::string_view bytes(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
  for (const MappedFile& file : files_) {
    const std::string_view content = file.content();
    if (bytes.data() >= content.data() && bytes.data() < content.data() + content.size()) file.release(bytes);
  }
}

void SafetensorsFile::open(const std::filesystem::path& file) {
  files_.emplace_back(file);
  const std::string_view content = files_.back().content();
  if (content.size() < 9 || content[8] != '{')
    if (const std::string what = foreign_weights(content, file); !what.empty())
      throw InputError(fmt::format("{}: not a safetensors file: {}", file.string(), what));
  SafetensorsHeader header = parse_safetensors_header(content, content.size(), file.string());
  metadata_.merge(header.metadata);
  for (auto& [name, entry] : header.tensors) {
    TensorView view{entry.type, std::move(entry.shape),
                    std::as_bytes(std::span(content.data() + header.data_begin + entry.begin, entry.bytes))};
    view.other_type = std::move(entry.other_type);
    // The format does not promise alignment, and reading misaligned numbers in place is undefined.
    if (view.type != DType::other && reinterpret_cast<std::uintptr_t>(view.data.data()) % size_of(view.type) != 0) {
      realigned_.emplace_back(view.data.begin(), view.data.end());
      view.data = realigned_.back();
    }
    if (!tensors_.emplace(name, std::move(view)).second)
      throw InputError(fmt::format("{}: has tensor '{}', which another file of the set has too", file.string(), name));
  }
}

void SafetensorsFile::open_set(const std::filesystem::path& index) {
  const SafetensorsIndex set = read_safetensors_index(index);
  files_.reserve(set.files.size());
  std::map<std::string, std::string> found;  // the file that each tensor is in
  for (const std::string& name : set.files) {
    open(index.parent_path() / name);
    for (const auto& [tensor, view] : tensors_) found.try_emplace(tensor, name);
  }
  for (const auto& [tensor, name] : set.file_of) {
    const auto place = found.find(tensor);
    if (place == found.end()) throw InputError(fmt::format("{}: {} has no tensor '{}'", path_, name, tensor));
    if (place->second != name)
      throw InputError(fmt::format("{}: tensor '{}' is in {}, not in {}", path_, tensor, place->second, name));
  }
  for (const auto& [tensor, name] : found)
    if (!set.file_of.contains(tensor))
      throw InputError(fmt::format("{}: {} has tensor '{}', which the index does not name", path_, name, tensor));
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
  if (!total_bytes(shape, size_of(type), bytes) || bytes != data.size())
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
