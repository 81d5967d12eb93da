#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace assay {

/// The whole file. Throws InputError naming the file when it cannot be read.
std::string read_file(const std::filesystem::path& file);

/// The content of a file where the system keeps it: pages are read when they are looked at, and processes that read the
/// same file share them. What is no regular file is read as read_file() does. The bytes cannot be written. A file that
/// somebody shortens after it was opened ends the process when the lost part is looked at (SIGBUS); replacing a file
/// under its name, as write_file_atomically() does, changes nothing here.
class MappedFile {
 public:
  /// Throws InputError naming the file when it cannot be read.
  explicit MappedFile(const std::filesystem::path& file);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::string_view content() const { return mapped_ ? std::string_view(mapped_, size_) : std::string_view(read_); }
  /// Gives back the memory of the pages that lie within `part` of the content, until they are looked at again.
  void release(std::string_view part) const;

 private:
  const char* mapped_ = nullptr;
  std::size_t size_ = 0;
  std::string read_;
};

/// Writes to a temporary name beside `file`, flushes it to disk, then renames: a reader or a kill at any moment
/// sees the old file or the new one, never a part. Throws InputError when the folder cannot be written.
void write_file_atomically(const std::filesystem::path& file, std::string_view content);

/// Creates the folder with its parents. Throws InputError when it cannot be created or written to.
void ensure_folder(const std::filesystem::path& folder);

}  // namespace assay
