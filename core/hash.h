#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace assay {

/// Content id: 128 bits of XXH3 as 32 hexadecimal digits. Not cryptographic; names data sets, checkpoints, configs.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  Hasher& bytes(const void* data, std::size_t size);
  /// The text with its length, so that "ab","c" differs from "a","bc".
  Hasher& text(std::string_view value);
  Hasher& number(std::int64_t value);
  Hasher& number(double value);
  template <class T>
  Hasher& values(std::span<const T> data) {
    return number(static_cast<std::int64_t>(data.size())).bytes(data.data(), data.size_bytes());
  }
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hash_text(std::string_view text);
/// Throws InputError when the file cannot be read.
std::string hash_file(const std::filesystem::path& file);

}  // namespace assay
