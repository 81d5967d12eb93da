#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/safetensors.h"

namespace assay {

/// What a file says of one of its arrays.
struct ArrayHeader {
  DType type = DType::f32;  // `other` where the elements are no numbers that are read
  std::string type_name;    // "F32", "F8_E4M3"; of NumPy's other types its own name, as in "<U5"
  std::vector<std::int64_t> shape;
  bool text = false;  // whether ArrayFile::text() reads it

  /// "F32 [10, 3]".
  std::string description() const;
  /// The product of all sides, and of those behind the first.
  std::int64_t numel() const;
  std::int64_t row_numel() const;
};

/// The numbers of one array, row-major and little endian, piece by piece: memory does not grow with the array, unless
/// the file holds it column-major.
struct ArrayStream {
  DType type = DType::f32;
  std::vector<std::int64_t> shape;
  std::function<void(std::span<std::byte>)> read;  // the next ones, whole elements
  std::function<void()> rewind;
};

/// A file of named arrays: .npz, .npy or .safetensors, told apart by its first bytes and not by its name. Opening reads
/// what the file says of its arrays; numbers are read when asked for.
class ArrayFile {
 public:
  /// What the array of a .npy file, which has no name, is called here.
  static inline const std::string lone = "arr_0";

  /// Throws InputError naming the file: unreadable, damaged, truncated, or of another format, which it names where that
  /// is known.
  explicit ArrayFile(const std::filesystem::path& file);

  const std::string& path() const { return path_; }
  /// Ascending.
  const std::vector<std::string>& names() const { return names_; }
  bool has(const std::string& name) const;
  /// "FILE: 'name'", and the file alone for a .npy file: what messages about this array begin with.
  std::string where(const std::string& name) const;

  /// Throws InputError naming file and array where its header is damaged, and the nearest name where it is not there.
  const ArrayHeader& header(const std::string& name) const;
  /// The same, and nothing where it is damaged: of arrays that nobody asked for.
  std::optional<ArrayHeader> header_if_sound(const std::string& name) const;
  /// The whole array, which lives as long as this object. These three throw InputError naming file and array: of
  /// another type, truncated, damaged.
  TensorView read(const std::string& name) const;
  ArrayStream stream(const std::string& name) const;
  std::vector<std::string> text(const std::string& name) const;

  /// What a safetensors file says beside its tensors; else empty.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// One of the three formats behind this.
  class Format;

 private:
  std::string path_;
  bool is_lone_ = false;  // a .npy file
  std::vector<std::string> names_;
  std::map<std::string, std::string> metadata_;
  std::shared_ptr<const Format> format_;
  mutable std::map<std::string, ArrayHeader> headers_;
  mutable std::map<std::string, std::vector<std::byte>> kept_;
};

}  // namespace assay
