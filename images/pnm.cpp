#include "images/pnm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "images/decoded_size.h"

namespace assay {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Walks through the file.
class Reader {
 public:
  Reader(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  /// A number in decimal digits, after white space and comments, which reach from '#' to the end of their line. The one
  /// character behind the number is passed over, too.
  std::uint32_t number(const char* what) {
    skip_to_token();
    std::uint32_t value = 0;
    std::size_t digits = 0;
    for (; at_ < bytes_.size() && bytes_[at_] >= '0' && bytes_[at_] <= '9'; ++at_, ++digits) {
      if (digits == 9) damaged(fmt::format("{} has more than 9 digits", what));
      value = value * 10 + static_cast<std::uint32_t>(bytes_[at_] - '0');
    }
    if (digits == 0 && at_ == bytes_.size()) truncated();
    if (digits == 0) damaged(fmt::format("{} is no number", what));
    if (at_ < bytes_.size() && bytes_[at_] == '#') skip_comment();
    if (at_ < bytes_.size() && !is_space(bytes_[at_])) damaged(fmt::format("{} does not end in white space", what));
    if (at_ < bytes_.size()) ++at_;
    return value;
  }

  /// A plain bit: 0 or 1, with or without white space between.
  bool bit() {
    skip_to_token();
    if (at_ == bytes_.size()) truncated();
    if (bytes_[at_] != '0' && bytes_[at_] != '1') damaged("its bits are other than 0 and 1");
    return bytes_[at_++] == '1';
  }

  std::string_view take(std::size_t size) {
    need(size);
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  void need(std::size_t size) const {
    if (size > bytes_.size() - at_) truncated();
  }

  [[noreturn]] void truncated() const {
    throw InputError(fmt::format("{}: truncated PNM: the file ends too early", where_));
  }
  [[noreturn]] void refuse(const std::string& what) const { throw InputError(fmt::format("{}: {}", where_, what)); }
  [[noreturn]] void damaged(const std::string& what) const {
    throw InputError(fmt::format("{}: damaged PNM: {}", where_, what));
  }

 private:
  void skip_comment() {
    while (at_ < bytes_.size() && bytes_[at_] != '\n' && bytes_[at_] != '\r') ++at_;
  }
  void skip_to_token() {
    for (; at_ < bytes_.size(); ++at_) {
      if (bytes_[at_] == '#') skip_comment();
      if (at_ < bytes_.size() && !is_space(bytes_[at_])) return;
    }
    at_ = bytes_.size();
  }

  std::string_view bytes_;
  const std::string& where_;
  std::size_t at_ = 2;
};

struct Header {
  bool bitmap = false, plain = false;
  int width = 0, height = 0, channels = 1;
  std::uint32_t largest = 1;
};

Header read_header(Reader& reader, char kind, const std::string& where) {
  Header header;
  header.bitmap = kind == '1' || kind == '4';
  header.plain = kind <= '3';
  header.channels = kind == '3' || kind == '6' ? 3 : 1;
  const std::uint32_t width = reader.number("the width"), height = reader.number("the height");
  check_decoded_size(width, height, static_cast<std::uint64_t>(header.channels), where);
  header.width = static_cast<int>(width);
  header.height = static_cast<int>(height);
  if (!header.bitmap) header.largest = reader.number("the largest value");
  if (header.largest == 0 || header.largest > 65535)
    reader.damaged(fmt::format("its largest value is {}; accepted: 1 to 65535", header.largest));
  return header;
}

/// What each value up to 65535 becomes: raw files may hold values above their largest one, which count as that.
std::vector<std::uint8_t> table_of(const Header& header, bool labels) {
  std::vector<std::uint8_t> table(header.largest < 256 ? 256 : 65536);
  for (std::size_t value = 0; value < table.size(); ++value) {
    const double scaled = std::nearbyint(static_cast<double>(value) / header.largest * 255);
    table[value] = static_cast<std::uint8_t>(labels ? static_cast<double>(value) : std::min(scaled, 255.0));
  }
  return table;
}

void read_bits(Reader& reader, const Header& header, std::uint8_t white, Image& image) {
  const std::size_t row_bytes = (static_cast<std::size_t>(header.width) + 7) / 8;
  for (int y = 0; y < header.height; ++y) {
    std::uint8_t* out = image.at(0, y);
    const std::string_view row = header.plain ? std::string_view() : reader.take(row_bytes);
    for (int x = 0; x < header.width; ++x) {
      const bool black = header.plain ? reader.bit() : (static_cast<std::uint8_t>(row[x / 8]) >> (7 - x % 8) & 1) != 0;
      out[x] = black ? 0 : white;
    }
  }
}

void read_samples(Reader& reader, const Header& header, bool labels, Image& image) {
  const std::vector<std::uint8_t> table = table_of(header, labels);
  const std::size_t size = header.largest < 256 ? 1 : 2;
  for (std::uint8_t& out : image.pixels) {
    std::uint32_t value = 0;
    if (header.plain) {
      value = reader.number("a sample");
      if (value > header.largest)
        reader.damaged(fmt::format("a sample of {} above its largest value, {}", value, header.largest));
    } else {
      for (const char byte : reader.take(size)) value = value << 8 | static_cast<std::uint8_t>(byte);
      if (labels && value > header.largest)
        reader.refuse(
            fmt::format("not a map of labels: it holds {}, and its largest value is {}", value, header.largest));
    }
    out = table[value];
  }
}

Image decode(std::string_view bytes, bool labels, const std::string& where) {
  if (bytes.size() < 2 || bytes[0] != 'P' || bytes[1] < '1' || bytes[1] > '6')
    throw InputError(fmt::format("{}: not a PNM image", where));
  Reader reader(bytes, where);
  const Header header = read_header(reader, bytes[1], where);
  if (labels && (header.channels == 3 || header.largest > 255))
    reader.refuse("not a map of labels; accepted: bitmaps, and grey of at most 8 bits");

  // The least that the samples can take is looked for before memory is taken.
  const std::size_t rows = static_cast<std::size_t>(header.height), columns = static_cast<std::size_t>(header.width);
  const std::size_t samples = rows * columns * static_cast<std::size_t>(header.channels);
  if (header.bitmap)
    reader.need(header.plain ? samples : rows * ((columns + 7) / 8));
  else
    reader.need(header.plain ? 2 * samples - 1 : samples * (header.largest < 256 ? 1 : 2));
  Image image(header.width, header.height, header.channels);
  if (header.bitmap)
    read_bits(reader, header, labels ? 1 : 255, image);
  else
    read_samples(reader, header, labels, image);
  return image;
}

}  // namespace

Image decode_pnm(std::string_view bytes, const std::string& where) { return decode(bytes, false, where); }

Image decode_pnm_labels(std::string_view bytes, const std::string& where) { return decode(bytes, true, where); }

}  // namespace assay
