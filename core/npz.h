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

#include "core/npy_header.h"
#include "core/safetensors.h"

namespace assay {

/// An array read from a NumPy file: contiguous, row-major, little endian, aligned to its elements.
struct NpyArray {
  DType type = DType::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> data;

  TensorView view() const { return {type, shape, data}; }
};

/// The data of one array of NumPy in the order of the file, read and unpacked piece by piece: memory does not grow with
/// the array. Numbers come in little endian, whatever the file has.
class NpyStream {
 public:
  NpyStream(NpyStream&&) noexcept;
  NpyStream& operator=(NpyStream&&) noexcept;
  ~NpyStream();

  const NpyHeader& header() const { return header_; }
  /// File and array, for messages.
  const std::string& label() const;
  /// The next to.size() bytes, whole elements where the file is big endian. Throws InputError naming file and array:
  /// elements that are neither numbers nor text, truncated, damaged, and, once the last byte was read, a wrong
  /// checksum.
  void read(std::span<std::byte> to);
  /// Back to the first byte of the data.
  void rewind();

 private:
  friend class NpzFile;
  friend NpyStream open_npy(const std::filesystem::path& file);
  struct Member;
  explicit NpyStream(std::unique_ptr<Member> member);
  void start();

  std::unique_ptr<Member> member_;
  NpyHeader header_;
};

/// The array of a .npy file. Throws InputError naming the file: unreadable, no .npy file (parse_npy_header), or of
/// another size than its header says.
NpyStream open_npy(const std::filesystem::path& file);

/// All of an array, in C order whatever order it was stored in. Throws InputError as NpyStream::read(), and where the
/// elements are no numbers.
NpyArray read_whole(NpyStream& stream);

/// The elements of an array of text ('<U..' or '|S..'), as UTF-8. Throws InputError where it holds none.
std::vector<std::string> read_text(NpyStream& stream);

/// A NumPy .npz file: a zip archive of .npy files, stored or deflated. Opening reads the directory alone; each array is
/// read when asked for, so a file larger than memory can be opened.
class NpzFile {
 public:
  /// Throws InputError naming the file and the fault: no zip archive, truncated.
  explicit NpzFile(const std::filesystem::path& file);

  const std::string& path() const { return path_; }
  /// Without the ending .npy.
  std::vector<std::string> names() const;
  bool has(const std::string& name) const { return entries_.contains(name); }
  /// The data of an array, of which what lies before it is read and checked. Throws InputError naming the file and the
  /// array: not there (naming the nearest), truncated, encrypted, another compression, and as parse_npy_header().
  NpyStream stream(const std::string& name) const;

 private:
  struct Entry {
    std::uint16_t method;
    bool encrypted;
    std::uint32_t checksum;
    std::uint64_t stored, size, offset;
  };
  std::string path_;
  std::map<std::string, Entry> entries_;
};

}  // namespace assay
