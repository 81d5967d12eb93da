#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/safetensors.h"

namespace assay {

/// An array read from a NumPy file: contiguous, row-major, little endian, aligned to its elements.
struct NpyArray {
  DType type = DType::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> data;

  TensorView view() const { return {type, shape, data}; }
};

/// The array in the bytes of a .npy file (format 1.0 to 3.0), in C order whatever order it was stored in. Types:
/// <f2 <f4 <f8 <i2 <i4 <i8 |i1 |u1 |b1. Throws InputError that starts with `name` for any other type (naming it), a
/// header that cannot be read, and a size that does not fit.
NpyArray parse_npy(std::string_view bytes, const std::string& name);

/// What a .npy file says of its data.
struct NpyHeader {
  DType type = DType::f32;
  std::vector<std::int64_t> shape;
  bool column_major = false;
  std::uint64_t bytes = 0;
};

/// The data of one array of an .npz file in the order of the file, read and unpacked piece by piece: memory does not
/// grow with the array.
class NpyStream {
 public:
  NpyStream(NpyStream&&) noexcept;
  NpyStream& operator=(NpyStream&&) noexcept;
  ~NpyStream();

  const NpyHeader& header() const { return header_; }
  /// The next to.size() bytes. Throws InputError naming file and array: truncated, damaged, and, once the last byte was
  /// read, a wrong checksum.
  void read(std::span<std::byte> to);
  /// Back to the first byte of the data.
  void rewind();

 private:
  friend class NpzFile;
  struct Member;
  explicit NpyStream(std::unique_ptr<Member> member);
  void start();

  std::unique_ptr<Member> member_;
  NpyHeader header_;
};

/// A NumPy .npz file: a zip archive of .npy files, stored or deflated. Opening reads the directory alone; each array is
/// read when asked for, so a file larger than memory can be opened.
class NpzFile {
 public:
  /// Throws InputError naming the file and the fault: no zip archive, truncated, encrypted, another compression.
  explicit NpzFile(const std::filesystem::path& file);

  const std::string& path() const { return path_; }
  /// Without the ending .npy.
  std::vector<std::string> names() const;
  bool has(const std::string& name) const { return entries_.contains(name); }
  /// Throws InputError naming the file and the array: not there (naming the nearest), truncated, wrong checksum, and
  /// as parse_npy.
  NpyArray read(const std::string& name) const;
  /// The same piece by piece; what lies before the data is read and checked. Throws as read().
  NpyStream stream(const std::string& name) const;

 private:
  struct Entry {
    std::uint16_t method;
    std::uint32_t checksum;
    std::uint64_t stored, size, offset;
  };
  std::string path_;
  std::map<std::string, Entry> entries_;
};

}  // namespace assay
