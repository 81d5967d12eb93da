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

/// What follows `'key':` in the header's Python dictionary, up to where the value can end.
std::optional<std::string_view> value_of(std::string_view header, std::string_view key) {
  const std::string quoted = fmt::format("'{}':", key);
  const std::size_t at = header.find(quoted);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = header.substr(at + quoted.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return rest;
}

struct NpyType {
  std::string_view descr;
  DType type;
};
constexpr std::array<NpyType, 9> npy_types = {{{"<f2", DType::f16},
                                               {"<f4", DType::f32},
                                               {"<f8", DType::f64},
                                               {"<i2", DType::i16},
                                               {"<i4", DType::i32},
                                               {"<i8", DType::i64},
                                               {"|i1", DType::i8},
                                               {"|u1", DType::u8},
                                               {"|b1", DType::boolean}}};

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

std::string read_range(std::ifstream& in, std::uint64_t offset, std::uint64_t size) {
  std::string bytes(size, '\0');
  in.seekg(static_cast<std::streamoff>(offset));
  in.read(bytes.data(), static_cast<std::streamsize>(size));
  bytes.resize(in ? size : static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  in.clear();
  return bytes;
}

/// Enough of a .npy file to know how long its header is.
constexpr std::size_t prelude = 12;

/// Bytes before the data.
std::size_t header_size(std::string_view bytes, const std::string& name) {
  const auto fault = [&](const std::string& what) { return InputError(fmt::format("{}: {}", name, what)); };
  if (bytes.size() < prelude || bytes.substr(0, 6) != "\x93NUMPY") throw fault("is no .npy array");
  const int version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3) throw fault(fmt::format(".npy format {} is unknown; expected 1 to 3", version));
  return version == 1 ? 10U + number_at<std::uint16_t>(bytes, 8) : 12U + number_at<std::uint32_t>(bytes, 8);
}

NpyHeader parse_header(std::string_view bytes, const std::string& name) {
  const auto fault = [&](const std::string& what) { return InputError(fmt::format("{}: {}", name, what)); };
  const std::string_view header = bytes.substr(bytes[6] == 1 ? 10 : 12);
  NpyHeader out;
  const auto descr = value_of(header, "descr"), order = value_of(header, "fortran_order"),
             shape = value_of(header, "shape");
  if (!descr || !order || !shape || shape->empty() || shape->front() != '(') throw fault("the .npy header is damaged");
  const std::size_t quote = descr->empty() || descr->front() != '\'' ? std::string_view::npos : descr->find('\'', 1);
  if (quote == std::string_view::npos) throw fault("holds records; expected plain numbers");
  const std::string_view type = descr->substr(1, quote - 1);
  const auto known =
      std::find_if(npy_types.begin(), npy_types.end(), [&](const NpyType& t) { return t.descr == type; });
  if (known == npy_types.end()) {
    std::vector<std::string_view> accepted;
    for (const NpyType& row : npy_types) accepted.push_back(row.descr);
    throw fault(fmt::format("has dtype '{}'; accepted: {}", type, fmt::join(accepted, ", ")));
  }
  out.type = known->type;

  std::uint64_t count = 1;
  const std::size_t close = shape->find(')');
  if (close == std::string_view::npos) throw fault("the .npy header is damaged");
  for (std::string_view sides = shape->substr(1, close - 1); !sides.empty();) {
    const std::size_t start = sides.find_first_not_of(" ,");
    if (start == std::string_view::npos) break;
    sides.remove_prefix(start);
    std::int64_t side = 0;
    const auto [stop, code] = std::from_chars(sides.data(), sides.data() + sides.size(), side);
    if (code != std::errc() || side < 0) throw fault("the .npy header has no valid shape");
    sides.remove_prefix(static_cast<std::size_t>(stop - sides.data()));
    out.shape.push_back(side);
    if (side > 0 && count > size_limit / static_cast<std::uint64_t>(side)) throw fault("has an impossible shape");
    count *= static_cast<std::uint64_t>(side);
  }
  out.bytes = count * size_of(out.type);
  out.column_major = order->substr(0, 4) == "True" && out.shape.size() > 1;
  return out;
}

void check_size(const NpyHeader& header, std::uint64_t have, const std::string& name) {
  if (have != header.bytes)
    throw InputError(fmt::format("{}: an array [{}] of {} needs {} bytes, there are {}: truncated?", name,
                                 fmt::join(header.shape, ", "), name_of(header.type), header.bytes, have));
}

/// In C order, whatever the order of `data`.
NpyArray in_rows(const NpyHeader& header, std::vector<std::byte> data) {
  NpyArray out{header.type, header.shape, std::move(data)};
  if (!header.column_major) return out;
  std::vector<std::byte> rows(out.data.size());
  reorder(out.data.data(), rows.data(), out.shape, size_of(out.type));
  out.data = std::move(rows);
  return out;
}

}  // namespace

NpyArray parse_npy(std::string_view bytes, const std::string& name) {
  const std::size_t begin = header_size(bytes, name);
  if (begin > bytes.size()) throw InputError(name + ": the .npy header is truncated");
  const NpyHeader header = parse_header(bytes.substr(0, begin), name);
  check_size(header, bytes.size() - begin, name);
  const auto* from = reinterpret_cast<const std::byte*>(bytes.data() + begin);
  return in_rows(header, {from, from + header.bytes});
}

/// The bytes of one member of the archive, unpacked piece by piece.
struct NpyStream::Member {
  std::ifstream in;
  std::string label;
  bool deflated = false;
  std::uint32_t checksum = 0;
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
    sum = crc32_z(sum, reinterpret_cast<const Bytef*>(to), count);
    left -= count;
    if (left == 0 && sum != checksum) throw InputError(label + " fails its checksum: damaged");
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
  std::string bytes(prelude, '\0');
  if (member_->size < prelude) throw InputError(label + ": is no .npy array");
  member_->read(reinterpret_cast<std::byte*>(bytes.data()), prelude);
  const std::size_t begin = header_size(bytes, label);
  if (begin > member_->size || begin < prelude) throw InputError(label + ": the .npy header is truncated");
  bytes.resize(begin);
  if (begin > prelude) member_->read(reinterpret_cast<std::byte*>(bytes.data()) + prelude, begin - prelude);
  header_ = parse_header(bytes, label);
  check_size(header_, member_->size - begin, label);
}

void NpyStream::read(std::span<std::byte> to) {
  if (!to.empty()) member_->read(to.data(), to.size());
}

void NpyStream::rewind() { start(); }

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
    if ((number_at<std::uint16_t>(directory, at + 8) & 1U) != 0) throw fault(fmt::format("'{}' is encrypted", name));
    if (entry.method != 0 && entry.method != 8)
      throw fault(fmt::format("'{}' is compressed by method {}; accepted: stored, deflated", name, entry.method));
    if (entry.offset > total || entry.stored > total - entry.offset || entry.size > size_limit)
      throw fault(fmt::format("'{}' lies outside the file: truncated?", name));
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

NpyArray NpzFile::read(const std::string& name) const {
  NpyStream in = stream(name);
  std::vector<std::byte> data(in.header().bytes);
  in.read(data);
  return in_rows(in.header(), std::move(data));
}

}  // namespace assay
