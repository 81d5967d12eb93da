#include "core/npz.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>

#include "core/error.h"
#include "core/nearest.h"

namespace assay {
namespace {

constexpr std::uint64_t size_limit = std::uint64_t{1} << 40;  // a larger claim is a damaged file

template <class T>
T number_at(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

/// Row-major from column-major: the last index runs fastest in `to`.
void reorder(const std::byte* from, std::byte* to, const std::vector<std::int64_t>& shape, std::size_t element) {
  std::vector<std::int64_t> strides(shape.size(), 1);  // of `from`, in elements
  for (std::size_t d = 1; d < shape.size(); ++d) strides[d] = strides[d - 1] * shape[d - 1];
  std::vector<std::int64_t> index(shape.size(), 0);
  std::int64_t total = 1;
  for (const std::int64_t side : shape) total *= side;
  std::int64_t source = 0;
  for (std::int64_t i = 0; i < total; ++i) {
    std::memcpy(to + static_cast<std::size_t>(i) * element, from + static_cast<std::size_t>(source) * element, element);
    for (std::size_t d = shape.size(); d-- > 0;) {
      source += strides[d];
      if (++index[d] < shape[d]) break;
      source -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
}

/// Each number of `size` bytes the other way round.
void swap_bytes(std::span<std::byte> bytes, std::size_t size) {
  const auto swap = [&]<class T>(T (*turn)(T)) {
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(T)) {
      T value;
      std::memcpy(&value, bytes.data() + at, sizeof(T));
      value = turn(value);
      std::memcpy(bytes.data() + at, &value, sizeof(T));
    }
  };
  if (size == 2) swap(+[](std::uint16_t v) { return __builtin_bswap16(v); });
  if (size == 4) swap(+[](std::uint32_t v) { return __builtin_bswap32(v); });
  if (size == 8) swap(+[](std::uint64_t v) { return static_cast<std::uint64_t>(__builtin_bswap64(v)); });
}

void append_utf8(std::string& to, std::uint32_t letter) {
  if (letter > 0x10FFFF || (letter >= 0xD800 && letter < 0xE000))
    letter = 0xFFFD;  // no letter: "replacement character"
  if (letter < 0x80) {
    to += static_cast<char>(letter);
    return;
  }
  const int more = letter < 0x800 ? 1 : letter < 0x10000 ? 2 : 3;
  constexpr std::array<int, 4> begins{0, 0xC0, 0xE0, 0xF0};
  to += static_cast<char>(begins[static_cast<std::size_t>(more)] | static_cast<int>(letter >> (6 * more) & 0x3F));
  for (int i = more - 1; i >= 0; --i) to += static_cast<char>(0x80 | static_cast<int>(letter >> (6 * i) & 0x3F));
}

std::string read_range(std::ifstream& in, std::uint64_t offset, std::uint64_t size) {
  std::string bytes(size, '\0');
  in.seekg(static_cast<std::streamoff>(offset));
  in.read(bytes.data(), static_cast<std::streamsize>(size));
  bytes.resize(in ? size : static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  in.clear();
  return bytes;
}

}  // namespace

/// The bytes of one member of the archive, unpacked piece by piece.
struct NpyStream::Member {
  std::ifstream in;
  std::string label;
  bool deflated = false;
  std::optional<std::uint32_t> checksum;
  std::uint64_t begin = 0, stored = 0, size = 0;  // in the archive, and unpacked

  z_stream unpack{};
  std::vector<char> packed;
  std::uint64_t stored_left = 0, left = 0;
  uLong sum = 0;

  ~Member() {
    if (deflated) inflateEnd(&unpack);
  }

  void rewind() {
    in.clear();
    in.seekg(static_cast<std::streamoff>(begin));
    stored_left = stored;
    left = size;
    sum = crc32_z(0, nullptr, 0);
    if (deflated && inflateReset(&unpack) != Z_OK) throw Error(label + ": zlib cannot start");
    unpack.avail_in = 0;
  }

  void read(std::byte* to, std::uint64_t count) {
    if (count > left) throw InputError(label + " is truncated");
    deflated ? inflate_to(to, count) : copy_to(to, count);
    left -= count;
    if (!checksum) return;
    sum = crc32_z(sum, reinterpret_cast<const Bytef*>(to), count);
    if (left == 0 && sum != *checksum) throw InputError(label + " fails its checksum: damaged");
  }

 private:
  void copy_to(std::byte* to, std::uint64_t count) {
    if (count > stored_left) throw InputError(label + " is truncated");
    in.read(reinterpret_cast<char*>(to), static_cast<std::streamsize>(count));
    if (!in) throw InputError(label + " is truncated");
    stored_left -= count;
  }

  void inflate_to(std::byte* to, std::uint64_t count) {
    while (count > 0) {
      if (unpack.avail_in == 0 && stored_left > 0) {
        packed.resize(std::min<std::uint64_t>(stored_left, 1 << 16));
        in.read(packed.data(), static_cast<std::streamsize>(packed.size()));
        if (!in) throw InputError(label + " is truncated");
        stored_left -= packed.size();
        unpack.next_in = reinterpret_cast<Bytef*>(packed.data());
        unpack.avail_in = static_cast<uInt>(packed.size());
      }
      // zlib counts in 32 bits.
      const auto step = static_cast<uInt>(std::min<std::uint64_t>(count, 1U << 30));
      unpack.next_out = reinterpret_cast<Bytef*>(to);
      unpack.avail_out = step;
      const uInt before = unpack.avail_in;
      const int state = inflate(&unpack, Z_NO_FLUSH);
      const uInt made = step - unpack.avail_out;
      to += made;
      count -= made;
      if (count == 0) return;
      const bool stuck = made == 0 && unpack.avail_in == before;
      if (state == Z_STREAM_END || (state != Z_OK && state != Z_BUF_ERROR) || (stuck && stored_left == 0))
        throw InputError(label + " cannot be unpacked: damaged");
    }
  }
};

NpyStream::NpyStream(std::unique_ptr<Member> member) : member_(std::move(member)) { start(); }
NpyStream::NpyStream(NpyStream&&) noexcept = default;
NpyStream& NpyStream::operator=(NpyStream&&) noexcept = default;
NpyStream::~NpyStream() = default;

void NpyStream::start() {
  member_->rewind();
  const std::string& label = member_->label;
  std::string bytes(npy_prelude, '\0');
  if (member_->size < npy_prelude) throw InputError(label + ": is no .npy array");
  member_->read(reinterpret_cast<std::byte*>(bytes.data()), npy_prelude);
  const std::size_t begin = npy_header_size(bytes, label);
  if (begin > member_->size || begin < npy_prelude) throw InputError(label + ": the .npy header is truncated");
  bytes.resize(begin);
  if (begin > npy_prelude) member_->read(reinterpret_cast<std::byte*>(bytes.data()) + npy_prelude, begin - npy_prelude);
  header_ = parse_npy_header(bytes, label);
  const std::uint64_t have = member_->size - begin;
  if (header_.element > 0 && have != header_.bytes)
    throw InputError(fmt::format("{}: an array [{}] of '{}' needs {} bytes, there are {}: {}", label,
                                 fmt::join(header_.shape, ", "), header_.descr, header_.bytes, have,
                                 have < header_.bytes ? "truncated?" : "more than one array?"));
}

void NpyStream::read(std::span<std::byte> to) {
  if (header_.element == 0) throw InputError(fmt::format("{}: {}", member_->label, header_.fault));
  if (to.empty()) return;
  member_->read(to.data(), to.size());
  if (!header_.big_endian) return;
  const std::size_t number = header_.text != 0 ? 4 : header_.element;
  if (to.size() % number != 0) throw Error(member_->label + ": numbers of a big-endian array are read whole");
  swap_bytes(to, number);
}

void NpyStream::rewind() { start(); }

const std::string& NpyStream::label() const { return member_->label; }

NpyStream open_npy(const std::filesystem::path& file) {
  auto member = std::make_unique<NpyStream::Member>();
  member->label = file.string();
  std::error_code code;
  if (std::filesystem::is_directory(file, code)) throw InputError(member->label + ": is a folder, expected a file");
  member->in.open(file, std::ios::binary);
  if (!member->in) throw InputError(fmt::format("{}: cannot be read: {}", member->label, std::strerror(errno)));
  member->in.seekg(0, std::ios::end);
  member->size = member->stored = static_cast<std::uint64_t>(std::max<std::streamoff>(member->in.tellg(), 0));
  return NpyStream(std::move(member));
}

NpyArray read_whole(NpyStream& stream) {
  const NpyHeader& header = stream.header();
  if (header.type == DType::other) throw InputError(fmt::format("{}: {}", stream.label(), header.fault));
  NpyArray out{header.type, header.shape, std::vector<std::byte>(header.bytes)};
  stream.read(out.data);
  if (!header.column_major) return out;
  std::vector<std::byte> rows(out.data.size());
  reorder(out.data.data(), rows.data(), out.shape, header.element);
  out.data = std::move(rows);
  return out;
}

std::vector<std::string> read_text(NpyStream& stream) {
  const NpyHeader& header = stream.header();
  if (header.text == 0 || header.element == 0)
    throw InputError(fmt::format("{}: holds '{}'; expected text", stream.label(), header.descr));
  std::vector<std::byte> data(header.bytes);
  stream.read(data);
  if (header.column_major) {
    std::vector<std::byte> rows(data.size());
    reorder(data.data(), rows.data(), header.shape, header.element);
    data = std::move(rows);
  }
  std::int64_t count = 1;
  for (const std::int64_t side : header.shape) count *= side;
  std::vector<std::string> out(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::byte* from = data.data() + i * header.element;
    if (header.text == 'S')
      out[i].assign(reinterpret_cast<const char*>(from), header.element);
    else
      for (std::size_t at = 0; at < header.element; at += 4) {
        std::uint32_t letter = 0;
        std::memcpy(&letter, from + at, 4);
        append_utf8(out[i], letter);
      }
    out[i].resize(out[i].find_last_not_of('\0') + 1);
  }
  return out;
}

NpzFile::NpzFile(const std::filesystem::path& file) : path_(file.string()) {
  const auto fault = [&](const std::string& what) { return InputError(path_ + ": not a usable .npz file: " + what); };
  std::error_code code;
  if (std::filesystem::is_directory(file, code)) throw InputError(path_ + ": is a folder, expected a file");
  std::ifstream in(file, std::ios::binary);
  if (!in) throw InputError(fmt::format("{}: cannot be read: {}", path_, std::strerror(errno)));
  in.seekg(0, std::ios::end);
  const auto total = static_cast<std::uint64_t>(std::max<std::streamoff>(in.tellg(), 0));

  // The end of central directory lies before a comment of at most 65,535 bytes.
  const std::uint64_t tail_size = std::min<std::uint64_t>(total, 22 + 65535);
  const std::string tail = read_range(in, total - tail_size, tail_size);
  const std::size_t end = tail.size() < 22 ? std::string::npos : tail.rfind("PK\x05\x06", tail.size() - 22);
  if (end == std::string::npos) throw fault("no zip directory at its end: truncated, or no zip archive");
  std::uint64_t entries = number_at<std::uint16_t>(tail, end + 10);
  std::uint64_t size = number_at<std::uint32_t>(tail, end + 12), offset = number_at<std::uint32_t>(tail, end + 16);
  if (end >= 20 && tail.compare(end - 20, 4, "PK\x06\x07") == 0) {
    const std::string wide = read_range(in, number_at<std::uint64_t>(tail, end - 20 + 8), 56);
    if (wide.size() < 56 || wide.compare(0, 4, "PK\x06\x06") != 0) throw fault("a damaged zip64 directory");
    entries = number_at<std::uint64_t>(wide, 32);
    size = number_at<std::uint64_t>(wide, 40);
    offset = number_at<std::uint64_t>(wide, 48);
  }
  if (offset > total || size > total - offset) throw fault("its directory lies outside the file: truncated?");
  const std::string directory = read_range(in, offset, size);

  std::size_t at = 0;
  for (std::uint64_t i = 0; i < entries; ++i) {
    if (at + 46 > directory.size() || directory.compare(at, 4, "PK\x01\x02") != 0) throw fault("a damaged directory");
    const auto name_size = number_at<std::uint16_t>(directory, at + 28);
    const auto extra_size = number_at<std::uint16_t>(directory, at + 30);
    const auto comment_size = number_at<std::uint16_t>(directory, at + 32);
    const std::size_t next = at + 46U + name_size + extra_size + comment_size;
    if (next > directory.size()) throw fault("a damaged directory");
    std::string name = directory.substr(at + 46, name_size);
    Entry entry{};
    entry.method = number_at<std::uint16_t>(directory, at + 10);
    entry.checksum = number_at<std::uint32_t>(directory, at + 16);
    entry.stored = number_at<std::uint32_t>(directory, at + 20);
    entry.size = number_at<std::uint32_t>(directory, at + 24);
    entry.offset = number_at<std::uint32_t>(directory, at + 42);
    // zip64: what did not fit in 32 bits stands in the extra field, in this order.
    for (std::size_t x = at + 46U + name_size; x + 4 <= at + 46U + name_size + extra_size;) {
      const auto id = number_at<std::uint16_t>(directory, x);
      const std::size_t stop = std::min<std::size_t>(x + 4U + number_at<std::uint16_t>(directory, x + 2), next);
      std::size_t from = x + 4;
      for (std::uint64_t* wide : {&entry.size, &entry.stored, &entry.offset}) {
        if (id != 1 || *wide != 0xFFFFFFFFU || from + 8 > stop) continue;
        *wide = number_at<std::uint64_t>(directory, from);
        from += 8;
      }
      x = stop;
    }
    entry.encrypted = (number_at<std::uint16_t>(directory, at + 8) & 1U) != 0;
    if (entry.offset > total || entry.stored > total - entry.offset || entry.size > size_limit)
      throw fault(fmt::format("'{}' lies outside the file: truncated?", name));
    // Two bits of deflate stand for 258 bytes at most: a larger claim would take memory that no content fills.
    if (entry.method == 8 && entry.size / 1032 > entry.stored)
      throw fault(fmt::format("'{}' of {} bytes cannot be unpacked from {}: damaged", name, entry.size, entry.stored));
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    entries_[name] = entry;
    at = next;
  }
}

std::vector<std::string> NpzFile::names() const {
  std::vector<std::string> out;
  out.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) out.push_back(name);
  return out;
}

NpyStream NpzFile::stream(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    const std::string near = nearest_name(name, names());
    throw InputError(
        fmt::format("{}: has no array '{}'{}", path_, name, near.empty() ? "" : "; nearest: '" + near + "'"));
  }
  const Entry& entry = found->second;
  auto member = std::make_unique<NpyStream::Member>();
  member->label = fmt::format("{}: '{}'", path_, name);
  if (entry.encrypted) throw InputError(member->label + " is encrypted");
  if (entry.method != 0 && entry.method != 8)
    throw InputError(
        fmt::format("{} is compressed by method {}; accepted: stored, deflated", member->label, entry.method));
  member->in.open(path_, std::ios::binary);
  const std::string local = read_range(member->in, entry.offset, 30);
  if (local.size() < 30 || local.compare(0, 4, "PK\x03\x04") != 0)
    throw InputError(member->label + " has no header where the directory says: truncated?");
  member->begin = entry.offset + 30U + number_at<std::uint16_t>(local, 26) + number_at<std::uint16_t>(local, 28);
  member->stored = entry.stored;
  member->size = entry.size;
  member->checksum = entry.checksum;
  if (entry.method == 0 && entry.stored != entry.size) throw InputError(member->label + " is truncated");
  if (entry.method == 8 && inflateInit2(&member->unpack, -MAX_WBITS) != Z_OK)
    throw Error(member->label + ": zlib cannot start");
  member->deflated = entry.method == 8;
  return NpyStream(std::move(member));
}

}  // namespace assay
