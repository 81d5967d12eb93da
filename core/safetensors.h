#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"

namespace assay {

/// Element types of the safetensors format. `other` stands for all whose numbers we do not read (eight bits and fewer,
/// complex, and what the format may add): such tensors may lie in a file beside those that are read.
enum class DType { f16, bf16, f32, f64, i8, u8, boolean, i16, i32, i64, u16, u32, u64, other };

/// Bytes of an element. Throws Error for `other`, whose elements may be smaller than a byte.
std::size_t size_of(DType type);
/// The format's own names: "F32", "I64", ...; "other" for `other`.
std::string_view name_of(DType type);
/// The type of that name; `other` where the name is none of those.
DType dtype_named(std::string_view name);

/// One tensor inside a file: contiguous, row-major, little endian.
struct TensorView {
  DType type = DType::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> data;
  /// The format's own name of the type where `type` is `other`.
  std::string other_type{};

  /// "F32", "F8_E4M3", ...
  std::string_view type_name() const { return type == DType::other ? std::string_view(other_type) : name_of(type); }
  std::int64_t numel() const;
  /// The elements as T. Throws InputError when the element type is another.
  std::span<const float> f32(std::string_view name) const;
  std::span<const std::int64_t> i64(std::string_view name) const;
};

/// A safetensors file: 8 bytes of header length, a JSON header, then the raw data, which is mapped into memory.
/// Opening checks all of it: header length against the file, shapes against byte ranges, ranges inside the file
/// and not overlapping, no gaps. Throws InputError naming the file and the fault.
///
/// A set of several files is one such object: `file` is then its index (is_safetensors_index()), whose `weight_map`
/// says in which file of the same folder each tensor lies. All of them must be there and hold what the index says, no
/// more.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& file);
  // A copy's views would point into the original.
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;
  SafetensorsFile(SafetensorsFile&&) = default;
  SafetensorsFile& operator=(SafetensorsFile&&) = default;

  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  bool has(const std::string& name) const { return tensors_.contains(name); }
  /// Throws InputError naming the file and the nearest name.
  const TensorView& at(const std::string& name) const;
  const std::string& path() const { return path_; }
  /// Gives the memory back that the tensor's bytes take, until they are read again.
  void release(const TensorView& tensor) const;
  /// From here on the object has no such tensor.
  void forget(const std::string& name) { tensors_.erase(name); }

 private:
  void open(const std::filesystem::path& file);
  void open_set(const std::filesystem::path& index);

  std::string path_;
  std::vector<MappedFile> files_;
  std::deque<std::vector<std::byte>> realigned_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// Whether a file is the index of a set by its name: X.safetensors.index.json or X.safetensors.index.VARIANT.json.
bool is_safetensors_index(const std::filesystem::path& file);

/// Gathers tensors and writes them in name order, atomically; equal content gives equal bytes.
class SafetensorsWriter {
 public:
  void add(const std::string& name, DType type, std::vector<std::int64_t> shape, std::span<const std::byte> data);
  void add(const std::string& name, std::vector<std::int64_t> shape, std::span<const float> values);
  void add(const std::string& name, std::vector<std::int64_t> shape, std::span<const std::int64_t> values);
  void add_metadata(const std::string& key, const std::string& value) { metadata_[key] = value; }
  void write(const std::filesystem::path& file) const;

 private:
  struct Entry {
    DType type;
    std::vector<std::int64_t> shape;
    std::string data;
  };
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace assay
