#include "core/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "core/error.h"

namespace assay {

std::string read_file(const std::filesystem::path& file) {
  std::error_code code;
  if (std::filesystem::is_directory(file, code))
    throw InputError(fmt::format("{}: is a folder, expected a file", file.string()));
  std::ifstream in(file, std::ios::binary);
  if (!in) throw InputError(fmt::format("{}: cannot be read: {}", file.string(), std::strerror(errno)));
  // In one piece: growing step by step would take twice the memory.
  std::string content;
  const auto size = std::filesystem::file_size(file, code);
  if (!code && size > 0 && std::filesystem::is_regular_file(file, code)) {
    content.resize(size);
    in.read(content.data(), static_cast<std::streamsize>(size));
    content.resize(static_cast<std::size_t>(in.gcount()));
  }
  // A pipe has no size, and a file may have grown.
  std::ostringstream rest;
  if (in.peek() != std::ifstream::traits_type::eof()) rest << in.rdbuf();
  content += rest.str();
  return content;
}

MappedFile::MappedFile(const std::filesystem::path& file) {
  // What a pipe gives, it gives once: it is opened by who reads it.
  if (std::error_code code; !std::filesystem::is_regular_file(file, code)) {
    read_ = read_file(file);
    return;
  }
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw InputError(fmt::format("{}: cannot be read: {}", file.string(), std::strerror(errno)));
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && status.st_size > 0) {
    const auto size = static_cast<std::size_t>(status.st_size);
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (address != MAP_FAILED) {
      mapped_ = static_cast<const char*>(address);
      size_ = size;
    }
  }
  ::close(descriptor);
  // An empty file, or a file system that maps nothing.
  if (!mapped_) read_ = read_file(file);
}

MappedFile::~MappedFile() {
  if (mapped_) ::munmap(const_cast<char*>(mapped_), size_);
}

void MappedFile::release(std::string_view part) const {
  if (!mapped_) return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<std::size_t>(part.data() - mapped_);
  if (part.data() < mapped_ || offset + part.size() > size_) return;
  const std::size_t begin = (offset + page - 1) / page * page, end = (offset + part.size()) / page * page;
  if (begin < end) ::madvise(const_cast<char*>(mapped_) + begin, end - begin, MADV_DONTNEED);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : mapped_(std::exchange(other.mapped_, nullptr)), size_(other.size_), read_(std::move(other.read_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(mapped_, other.mapped_);
  std::swap(size_, other.size_);
  std::swap(read_, other.read_);
  return *this;
}

void write_file_atomically(const std::filesystem::path& file, std::string_view content) {
  std::error_code code;
  if (std::filesystem::is_directory(file, code) || !file.has_filename())
    throw InputError(fmt::format("{}: is a folder, expected a file to write", file.string()));
  static std::atomic<unsigned> serial{0};  // two threads may write the same file
  const std::filesystem::path temporary = file.string() + fmt::format(".{}.{}.part", ::getpid(), serial++);
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) throw InputError(fmt::format("{}: cannot be written: {}", file.string(), std::strerror(errno)));
  bool ok = true;
  for (std::size_t done = 0; ok && done < content.size();) {
    const ssize_t wrote = ::write(descriptor, content.data() + done, content.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    ok = wrote > 0;
    if (ok) done += static_cast<std::size_t>(wrote);
  }
  ok = ok && ::fsync(descriptor) == 0;
  const int failure = errno;
  ::close(descriptor);
  if (!ok || ::rename(temporary.c_str(), file.c_str()) != 0) {
    const int reason = ok ? errno : failure;
    ::unlink(temporary.c_str());
    throw Error(fmt::format("{}: cannot be written: {}", file.string(), std::strerror(reason)));
  }
}

void ensure_folder(const std::filesystem::path& folder) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code || !std::filesystem::is_directory(folder))
    throw InputError(fmt::format("{}: cannot create the folder{}", folder.string(), code ? ": " + code.message() : ""));
  // The permission bits say nothing about a read-only mount, and root passes them: try it.
  const std::filesystem::path probe = folder / fmt::format(".assay-probe.{}", ::getpid());
  const int descriptor = ::open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0)
    throw InputError(fmt::format("{}: the folder cannot be written: {}", folder.string(), std::strerror(errno)));
  ::close(descriptor);
  ::unlink(probe.c_str());
}

}  // namespace assay
