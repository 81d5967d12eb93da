#include "core/array_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <utility>

#include "core/error.h"
#include "core/nearest.h"
#include "core/npz.h"
#include "core/safetensors_header.h"

namespace assay {

/// How one format gives its arrays.
class ArrayFile::Format {
 public:
  virtual ~Format() = default;
  virtual ArrayHeader header(const std::string& name) const = 0;
  virtual ArrayStream stream(const std::string& name) const = 0;
  virtual std::vector<std::string> text(const std::string& name) const = 0;
};

namespace {

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// A file of NumPy's: arrays come from `open`.
class NumpyFormat final : public ArrayFile::Format {
 public:
  explicit NumpyFormat(std::function<NpyStream(const std::string&)> open) : open_(std::move(open)) {}

  ArrayHeader header(const std::string& name) const override {
    const NpyStream stream = open_(name);
    const NpyHeader& header = stream.header();
    const bool number = header.type != DType::other;
    return {header.type, number ? std::string(name_of(header.type)) : header.descr, header.shape, header.text != 0};
  }

  ArrayStream stream(const std::string& name) const override {
    const auto open = std::make_shared<NpyStream>(open_(name));
    const NpyHeader& header = open->header();
    if (header.type == DType::other) throw InputError(fmt::format("{}: {}", open->label(), header.fault));
    if (!header.column_major)
      return {header.type, header.shape, [open](std::span<std::byte> to) { open->read(to); },
              [open] { open->rewind(); }};
    const auto whole = std::make_shared<const NpyArray>(read_whole(*open));
    const auto at = std::make_shared<std::size_t>(0);
    return {whole->type, whole->shape,
            [whole, at](std::span<std::byte> to) {
              std::copy_n(whole->data.begin() + static_cast<std::ptrdiff_t>(*at), to.size(), to.begin());
              *at += to.size();
            },
            [at] { *at = 0; }};
  }

  std::vector<std::string> text(const std::string& name) const override {
    NpyStream stream = open_(name);
    return read_text(stream);
  }

 private:
  std::function<NpyStream(const std::string&)> open_;
};

class SafetensorsFormat final : public ArrayFile::Format {
 public:
  explicit SafetensorsFormat(const std::filesystem::path& path)
      : file_(std::make_shared<File>(path)), header_(file_->read_header()) {}

  const SafetensorsHeader& all() const { return header_; }

  ArrayHeader header(const std::string& name) const override {
    const SafetensorsHeader::Entry& entry = header_.tensors.at(name);
    return {entry.type, entry.type == DType::other ? entry.other_type : std::string(name_of(entry.type)), entry.shape,
            false};
  }

  ArrayStream stream(const std::string& name) const override {
    const SafetensorsHeader::Entry& entry = header_.tensors.at(name);
    if (entry.type == DType::other)
      throw InputError(
          fmt::format("{}: '{}' holds {}; expected numbers of 8 bits or more", file_->path, name, entry.other_type));
    const std::uint64_t begin = header_.data_begin + entry.begin;
    const auto at = std::make_shared<std::uint64_t>(begin);
    return {entry.type, entry.shape,
            [file = file_, at](std::span<std::byte> to) {
              file->read(*at, to);
              *at += to.size();
            },
            [at, begin] { *at = begin; }};
  }

  std::vector<std::string> text(const std::string& name) const override {
    throw InputError(fmt::format("{}: '{}' holds no text", file_->path, name));
  }

 private:
  struct File {
    explicit File(const std::filesystem::path& file) : path(file.string()), in(file, std::ios::binary) {}

    SafetensorsHeader read_header() {
      in.seekg(0, std::ios::end);
      const auto size = static_cast<std::uint64_t>(std::max<std::streamoff>(in.tellg(), 0));
      std::string begin(std::min<std::uint64_t>(size, 8), '\0');
      read(0, std::as_writable_bytes(std::span(begin)));
      begin.resize(8 + safetensors_header_size(begin, size, path));
      read(0, std::as_writable_bytes(std::span(begin)));
      return parse_safetensors_header(begin, size, path);
    }

    void read(std::uint64_t from, std::span<std::byte> to) {
      in.clear();
      in.seekg(static_cast<std::streamoff>(from));
      in.read(reinterpret_cast<char*>(to.data()), static_cast<std::streamsize>(to.size()));
      if (!in) throw InputError(path + ": was cut short while it was read");
    }

    std::string path;
    std::ifstream in;
  };

  std::shared_ptr<File> file_;
  SafetensorsHeader header_;
};

/// Files that people give in place of arrays, by how they begin.
struct Stranger {
  std::string_view begin, what;
};
constexpr std::array<Stranger, 11> strangers{{{"\x89HDF", "an HDF5 file"},
                                              {"MATLAB", "a MATLAB file"},
                                              {"\x89PNG", "a PNG image"},
                                              {"\xFF\xD8\xFF", "a JPEG image"},
                                              {"\x1F\x8B", "a gzip archive"},
                                              {"PAR1", "a Parquet file"},
                                              {"ARROW1", "an Arrow file"},
                                              {"\x80", "a Python pickle"},
                                              {"version https://git-lfs", "a pointer of Git LFS, not the file itself"},
                                              {"<!DOCTYPE", "a web page"},
                                              {"<html", "a web page"}}};

constexpr std::string_view accepted = "expected arrays as .npz, .npy or .safetensors";

/// Whether these first bytes and this size can be a safetensors file: the length of a header that fits, and its
/// bracket.
bool begins_as_safetensors(std::string_view begin, std::uint64_t size) {
  std::uint64_t header = 0;
  if (begin.size() < 9) return false;
  std::memcpy(&header, begin.data(), 8);
  return header <= size - 8 && begin[8] == '{';
}

}  // namespace

std::string ArrayHeader::description() const { return fmt::format("{} [{}]", type_name, fmt::join(shape, ", ")); }

std::int64_t ArrayHeader::numel() const {
  std::int64_t count = 1;
  for (const std::int64_t side : shape) count *= side;
  return count;
}

std::int64_t ArrayHeader::row_numel() const {
  std::int64_t count = 1;
  for (std::size_t d = 1; d < shape.size(); ++d) count *= shape[d];
  return count;
}

ArrayFile::ArrayFile(const std::filesystem::path& file) : path_(file.string()) {
  std::error_code code;
  if (std::filesystem::is_directory(file, code)) throw InputError(path_ + ": is a folder, expected a file");
  std::ifstream in(file, std::ios::binary);
  if (!in) throw InputError(fmt::format("{}: cannot be read: {}", path_, std::strerror(errno)));
  in.seekg(0, std::ios::end);
  const auto size = static_cast<std::uint64_t>(std::max<std::streamoff>(in.tellg(), 0));
  in.seekg(0);
  std::string begin(std::min<std::uint64_t>(size, 32), '\0');
  in.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  const std::string extension = lower_case(file.extension().string());

  const auto stranger =
      std::find_if(strangers.begin(), strangers.end(), [&](const Stranger& s) { return begin.starts_with(s.begin); });
  const bool safetensors = begins_as_safetensors(begin, size);
  if (stranger != strangers.end() && !safetensors)
    throw InputError(fmt::format("{}: is {}; {}", path_, stranger->what, accepted));
  const bool archive_begins = begin.starts_with("PK\x03\x04") || begin.starts_with("PK\x05\x06");
  if (begin.starts_with("\x93NUMPY") || (extension == ".npy" && !safetensors && !archive_begins)) {
    is_lone_ = true;
    names_ = {lone};
    format_ = std::make_shared<NumpyFormat>([file](const std::string&) { return open_npy(file); });
    header(lone);
    return;
  }
  if (archive_begins || (extension == ".npz" && !safetensors)) {
    const auto archive = std::make_shared<const NpzFile>(file);
    names_ = archive->names();
    const auto torch = std::find_if(names_.begin(), names_.end(), [](const std::string& name) {
      return name == "data.pkl" || name.ends_with("/data.pkl");
    });
    if (torch != names_.end())
      throw InputError(fmt::format(
          "{}: is a file of torch.save; {}, as safetensors.torch.save_file or numpy.save write", path_, accepted));
    format_ = std::make_shared<NumpyFormat>([archive](const std::string& name) { return archive->stream(name); });
    return;
  }
  if (!safetensors && extension != ".safetensors") throw InputError(fmt::format("{}: {}", path_, accepted));
  const auto format = std::make_shared<SafetensorsFormat>(file);
  for (const auto& [name, entry] : format->all().tensors) names_.push_back(name);
  metadata_ = format->all().metadata;
  format_ = format;
}

bool ArrayFile::has(const std::string& name) const { return std::binary_search(names_.begin(), names_.end(), name); }

std::string ArrayFile::where(const std::string& name) const {
  return is_lone_ ? path_ : fmt::format("{}: '{}'", path_, name);
}

const ArrayHeader& ArrayFile::header(const std::string& name) const {
  const auto found = headers_.find(name);
  if (found != headers_.end()) return found->second;
  if (!has(name)) {
    const std::string near = nearest_name(name, names_);
    throw InputError(fmt::format(
        "{}: has no array '{}'; {}", path_, name,
        near.empty() ? fmt::format("it holds {}", fmt::join(names_, ", ")) : fmt::format("nearest: '{}'", near)));
  }
  return headers_.emplace(name, format_->header(name)).first->second;
}

std::optional<ArrayHeader> ArrayFile::header_if_sound(const std::string& name) const {
  try {
    return header(name);
  } catch (const InputError&) {
    return std::nullopt;
  }
}

ArrayStream ArrayFile::stream(const std::string& name) const {
  header(name);
  return format_->stream(name);
}

TensorView ArrayFile::read(const std::string& name) const {
  const ArrayHeader& said = header(name);
  auto kept = kept_.find(name);
  if (kept == kept_.end()) {
    const ArrayStream array = stream(name);
    std::vector<std::byte> bytes(static_cast<std::size_t>(said.numel()) * size_of(array.type));
    array.read(bytes);
    kept = kept_.emplace(name, std::move(bytes)).first;
  }
  return {said.type, said.shape, kept->second};
}

std::vector<std::string> ArrayFile::text(const std::string& name) const {
  header(name);
  return format_->text(name);
}

}  // namespace assay
