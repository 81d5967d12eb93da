#include "images/bmp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "core/error.h"
#include "images/decoded_size.h"

namespace assay {
namespace {

constexpr std::size_t file_header_size = 14;

enum class Coding : std::uint32_t { plain = 0, runs8 = 1, runs4 = 2, masks = 3, masks_with_alpha = 6 };

struct Header {
  std::uint32_t width = 0, height = 0;
  bool top_down = false;
  int bits = 0;
  Coding coding = Coding::plain;
  std::size_t pixels_at = 0;
  std::vector<std::array<std::uint8_t, 3>> palette;  // RGB
  std::array<std::uint32_t, 4> masks{};              // red, green, blue, alpha

  bool has_palette() const { return bits <= 8; }
  std::size_t row_bytes() const { return (std::size_t{width} * static_cast<std::size_t>(bits) + 7) / 8; }
  std::size_t row_stride() const { return (row_bytes() + 3) / 4 * 4; }
  int y_of_row(std::uint32_t row) const { return static_cast<int>(top_down ? row : height - 1 - row); }
};

/// The bytes of the file; reading behind their end is a truncated file.
class Bytes {
 public:
  Bytes(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  std::uint32_t number(std::size_t at, std::size_t size) const {
    need(at, size);
    std::uint32_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes_[at + i]);
    return value;
  }
  std::uint16_t u16(std::size_t at) const { return static_cast<std::uint16_t>(number(at, 2)); }
  std::uint32_t u32(std::size_t at) const { return number(at, 4); }
  const std::uint8_t* at(std::size_t at, std::size_t size) const {
    need(at, size);
    return reinterpret_cast<const std::uint8_t*>(bytes_.data()) + at;
  }
  std::size_t size() const { return bytes_.size(); }

  [[noreturn]] void truncated() const {
    throw InputError(fmt::format("{}: truncated BMP: the file ends too early", where_));
  }
  [[noreturn]] void damaged(const std::string& what) const {
    throw InputError(fmt::format("{}: damaged BMP: {}", where_, what));
  }
  [[noreturn]] void refused(const std::string& what) const { throw InputError(fmt::format("{}: {}", where_, what)); }
  const std::string& where() const { return where_; }

 private:
  void need(std::size_t at, std::size_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) truncated();
  }
  std::string_view bytes_;
  const std::string& where_;
};

bool is_windows_header(std::uint32_t size) {
  return size == 40 || size == 52 || size == 56 || size == 108 || size == 124;
}

void read_coding(const Bytes& bytes, std::uint32_t header_size, Header& header) {
  const std::uint32_t code = bytes.u32(file_header_size + 16);
  if (header_size == 16 || header_size == 64) {
    if (code > 2)
      bytes.refused(fmt::format("a BMP of OS/2 with compression {}; accepted: none, or runs of palette indices", code));
  } else if (code == 4 || code == 5) {
    bytes.refused(
        fmt::format("a BMP that holds a {}; accepted: pixels, or runs of palette indices", code == 4 ? "JPEG" : "PNG"));
  } else if (code > 6) {
    bytes.refused(fmt::format("a BMP of compression {}; accepted: none, runs of palette indices, or bit masks", code));
  }
  header.coding = static_cast<Coding>(code);
  const int runs_of = header.coding == Coding::runs8 ? 8 : header.coding == Coding::runs4 ? 4 : header.bits;
  if (runs_of != header.bits)
    bytes.damaged(fmt::format("runs of {}-bit indices in a file of {} bits", runs_of, header.bits));
}

void read_masks(const Bytes& bytes, std::uint32_t header_size, Header& header) {
  if (header.coding == Coding::masks || header.coding == Coding::masks_with_alpha) {
    if (header.bits < 16) bytes.damaged(fmt::format("bit masks with {} bits", header.bits));
    // A header of 40 bytes is followed by the masks, a longer one holds them in the same place.
    const bool alpha = header_size >= 56 || header.coding == Coding::masks_with_alpha;
    for (std::size_t c = 0; c < (alpha ? 4u : 3u); ++c) header.masks[c] = bytes.u32(file_header_size + 40 + 4 * c);
    for (const std::uint32_t mask : header.masks) {
      const std::uint32_t largest = mask == 0 ? 0 : mask >> std::countr_zero(mask);
      if ((largest & (largest + 1)) != 0) bytes.damaged(fmt::format("a bit mask with gaps, {:#010x}", mask));
    }
    const bool none =
        std::all_of(header.masks.begin(), header.masks.end(), [](std::uint32_t mask) { return mask == 0; });
    if (none && header.bits == 32) header.masks = {0xFF0000, 0xFF00, 0xFF, 0xFF000000};
  } else if (header.bits == 16) {
    header.masks = {0x7C00, 0x3E0, 0x1F, 0};
  } else {
    header.masks = {0xFF0000, 0xFF00, 0xFF, 0};
  }
}

Header read_header(const Bytes& bytes) {
  Header header;
  std::size_t pixels_at = bytes.u32(10);
  const std::uint32_t size = bytes.u32(file_header_size);
  std::uint64_t colours = 0;
  std::size_t entry_bytes = 4;
  if (size == 12) {
    header.width = bytes.u16(18);
    header.height = bytes.u16(20);
    header.bits = bytes.u16(24);
    entry_bytes = 3;
  } else if (size == 16 || size == 64 || is_windows_header(size)) {
    header.width = bytes.u32(18);
    header.height = bytes.u32(22);
    header.bits = bytes.u16(28);
    header.top_down = (header.height >> 31) != 0;
    if (header.top_down) header.height = 0u - header.height;
    if (size > 16) {
      read_coding(bytes, size, header);
      colours = bytes.u32(file_header_size + 32);
    }
  } else {
    bytes.damaged(fmt::format("a header of {} bytes", size));
  }
  const int bits = header.bits;
  if (bits != 1 && bits != 2 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32)
    bytes.damaged(fmt::format("{} bits a pixel", bits));
  check_decoded_size(header.width, header.height, bits <= 16 ? 3 : static_cast<std::uint64_t>(bits) / 8, bytes.where());

  const std::size_t palette_at = file_header_size + size;
  if (header.has_palette()) {
    if (colours == 0) colours = std::uint64_t{1} << bits;
    const std::size_t palette_bytes = entry_bytes * static_cast<std::size_t>(colours);
    // Some writers forget the palette when they say where the pixels begin.
    if (pixels_at == palette_at || pixels_at == 0) pixels_at = palette_at + palette_bytes;
    // Others store fewer entries than they announce.
    const std::size_t room = pixels_at > palette_at ? (pixels_at - palette_at) / entry_bytes : 256;
    for (std::size_t i = 0; i < std::min<std::uint64_t>({colours, room, 256}); ++i) {
      const std::uint8_t* entry = bytes.at(palette_at + i * entry_bytes, 3);
      header.palette.push_back({entry[2], entry[1], entry[0]});
    }
    header.palette.resize(256);
  } else {
    read_masks(bytes, size, header);
    if (pixels_at == 0) pixels_at = palette_at;
  }
  header.pixels_at = pixels_at;
  return header;
}

/// Refuses a file that is too short for its rows. The last one may lack the bytes that fill it up to four.
void need_rows(const Bytes& bytes, const Header& header) {
  bytes.at(header.pixels_at, (header.height - 1) * header.row_stride() + header.row_bytes());
}

const std::uint8_t* stored_row(const Bytes& bytes, const Header& header, std::uint32_t row) {
  return bytes.at(header.pixels_at + row * header.row_stride(), header.row_bytes());
}

void read_plain_indices(const Bytes& bytes, const Header& header, Image& indices) {
  const unsigned bits = static_cast<unsigned>(header.bits), largest = (1u << bits) - 1;
  for (std::uint32_t row = 0; row < header.height; ++row) {
    const std::uint8_t* in = stored_row(bytes, header, row);
    std::uint8_t* out = indices.at(0, header.y_of_row(row));
    for (unsigned x = 0; x < header.width; ++x)
      out[x] = static_cast<std::uint8_t>(in[std::size_t{x} * bits / 8] >> (8 - bits - x * bits % 8) & largest);
  }
}

/// Walks through the codes: put(x, row, index) for each pixel of the picture that they name. Rows that have none keep
/// index 0, but the last row must be reached.
template <class Put>
void walk_runs(const Bytes& bytes, const Header& header, Put&& put) {
  const bool halves = header.coding == Coding::runs4;
  std::size_t at = header.pixels_at;
  std::uint32_t x = 0, row = 0;
  const auto place = [&](std::uint8_t index) {
    if (x < header.width && row < header.height) put(x, row, index);
    ++x;
  };
  // Everything is there once the last row is full; what follows says only that it ends.
  while (row < header.height && !(row + 1 == header.height && x >= header.width)) {
    const std::uint8_t* code = bytes.at(at, 2);
    at += 2;
    if (code[0] > 0) {
      for (unsigned i = 0; i < code[0]; ++i)
        place(!halves ? code[1] : static_cast<std::uint8_t>(i % 2 == 0 ? code[1] >> 4 : code[1] & 15));
    } else if (code[1] == 0) {
      x = 0;
      ++row;
    } else if (code[1] == 1) {
      if (row + 1 < header.height) bytes.damaged(fmt::format("its codes end in row {} of {}", row + 1, header.height));
      return;
    } else if (code[1] == 2) {
      const std::uint8_t* move = bytes.at(at, 2);
      at += 2;
      x += move[0];
      row += move[1];
    } else {
      const std::size_t stored = halves ? (code[1] + 1u) / 2 : code[1];
      const std::uint8_t* literal = bytes.at(at, stored);
      at += (stored + 1) / 2 * 2;
      for (unsigned i = 0; i < code[1]; ++i)
        place(!halves ? literal[i] : static_cast<std::uint8_t>(i % 2 == 0 ? literal[i / 2] >> 4 : literal[i / 2] & 15));
    }
  }
}

Image read_indices(const Bytes& bytes, const Header& header) {
  // The rows are looked for before memory is taken, so that a header cannot promise more than the file holds.
  const bool plain = header.coding == Coding::plain;
  if (plain)
    need_rows(bytes, header);
  else
    walk_runs(bytes, header, [](std::uint32_t, std::uint32_t, std::uint8_t) {});
  check_expansion(std::uint64_t{header.width} * header.height, bytes.size(), bytes.where());
  Image indices(static_cast<int>(header.width), static_cast<int>(header.height), 1);
  if (plain)
    read_plain_indices(bytes, header, indices);
  else
    walk_runs(bytes, header, [&](std::uint32_t x, std::uint32_t row, std::uint8_t index) {
      indices.at(static_cast<int>(x), header.y_of_row(row))[0] = index;
    });
  return indices;
}

/// The channel that `mask` cuts out of a pixel, for all its values: floor(255 v / largest).
std::uint8_t masked(std::uint32_t pixel, std::uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  const std::uint64_t value = (pixel & mask) >> shift, largest = mask >> shift;
  return static_cast<std::uint8_t>(largest == 255 ? value : 255 * value / largest);
}

Image read_colours(const Bytes& bytes, const Header& header) {
  need_rows(bytes, header);
  const std::size_t channels = header.masks[3] != 0 ? 4 : 3, step = static_cast<std::size_t>(header.bits) / 8;
  Image image(static_cast<int>(header.width), static_cast<int>(header.height), static_cast<int>(channels));
  for (std::uint32_t row = 0; row < header.height; ++row) {
    const std::uint8_t* in = stored_row(bytes, header, row);
    std::uint8_t* out = image.at(0, header.y_of_row(row));
    for (std::uint32_t x = 0; x < header.width; ++x, in += step, out += channels) {
      std::uint32_t pixel = 0;
      for (std::size_t i = step; i-- > 0;) pixel = pixel << 8 | in[i];
      for (std::size_t c = 0; c < channels; ++c) out[c] = masked(pixel, header.masks[c]);
    }
  }
  return image;
}

}  // namespace

Image decode_bmp(std::string_view data, const std::string& where) {
  const Bytes bytes(data, where);
  const Header header = read_header(bytes);
  if (!header.has_palette()) return read_colours(bytes, header);
  const Image indices = read_indices(bytes, header);
  Image image(indices.width, indices.height, 3);
  for (std::size_t i = 0; i < indices.pixels.size(); ++i)
    std::copy_n(header.palette[indices.pixels[i]].begin(), 3,
                image.pixels.begin() + static_cast<std::ptrdiff_t>(3 * i));
  return image;
}

Image decode_bmp_labels(std::string_view data, const std::string& where) {
  const Bytes bytes(data, where);
  const Header header = read_header(bytes);
  if (!header.has_palette())
    bytes.refused(fmt::format(
        "not a map of labels: a BMP of {} bits holds colours; accepted: up to 8 bits with a palette", header.bits));
  return read_indices(bytes, header);
}

}  // namespace assay
