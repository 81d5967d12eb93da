#include "images/tiff.h"

#include <fmt/format.h>
#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "core/error.h"
#include "images/decoded_size.h"

namespace assay {
namespace {

/// The file in memory, and what libtiff said of it. libtiff's global handlers are left alone: these belong to one file,
/// so that several threads can read.
struct Source {
  std::string_view bytes;
  std::uint64_t at = 0;
  bool ran_out = false;
  bool in_pixels = false;
  char fault[200] = "";  // the first error
};

void keep_first(Source& source, const char* format, std::va_list values) {
  if (source.fault[0] == '\0') std::vsnprintf(source.fault, sizeof source.fault, format, values);
}

int on_error(TIFF*, void* source, const char*, const char* format, std::va_list values) {
  keep_first(*static_cast<Source*>(source), format, values);
  return 1;
}

// libjpeg and the fax decoder fill what is missing or damaged and merely warn. Such pixels are not the image's; stray
// bytes between the segments of a JPEG do no harm.
int on_warning(TIFF*, void* data, const char* module, const char* format, std::va_list values) {
  Source& source = *static_cast<Source*>(data);
  const std::string_view from = module != nullptr ? module : "", text = format;
  if (!source.in_pixels) return 1;
  const bool jpeg = from == "JPEGLib", fax = from.starts_with("Fax");
  char message[200] = "";
  if (jpeg && text == "%s") {
    std::va_list copy;
    va_copy(copy, values);
    std::vsnprintf(message, sizeof message, format, copy);
    va_end(copy);
  }
  const std::string_view said = message;
  if (fax || said.starts_with("Premature end") ||
      (said.starts_with("Corrupt JPEG data") && said.find("extraneous") == std::string_view::npos))
    keep_first(source, format, values);
  return 1;
}

tmsize_t read_bytes(thandle_t handle, void* out, tmsize_t size) {
  Source& source = *static_cast<Source*>(handle);
  const std::uint64_t left = source.at < source.bytes.size() ? source.bytes.size() - source.at : 0;
  const std::uint64_t given = std::min(left, static_cast<std::uint64_t>(size));
  source.ran_out = source.ran_out || given < static_cast<std::uint64_t>(size);
  if (given > 0) std::memcpy(out, source.bytes.data() + source.at, given);
  source.at += given;
  return static_cast<tmsize_t>(given);
}

tmsize_t write_nothing(thandle_t, void*, tmsize_t) { return 0; }

toff_t seek(thandle_t handle, toff_t offset, int whence) {
  Source& source = *static_cast<Source*>(handle);
  source.at = offset + (whence == SEEK_CUR ? source.at : whence == SEEK_END ? source.bytes.size() : 0);
  return source.at;
}

int keep_open(thandle_t) { return 0; }

toff_t size_of_file(thandle_t handle) { return static_cast<Source*>(handle)->bytes.size(); }

/// How the samples of the page lie.
struct Layout {
  std::uint32_t width = 0, height = 0;
  std::uint16_t bits = 1, samples = 1, planar = PLANARCONFIG_CONTIG, photometric = PHOTOMETRIC_MINISWHITE;
  std::uint16_t compression = COMPRESSION_NONE, format = SAMPLEFORMAT_UINT, orientation = ORIENTATION_TOPLEFT;
  int colours = 1;  // samples that make the colour; alpha, where there is one, comes next
  bool alpha = false, premultiplied = false;

  int kept() const { return colours + (alpha ? 1 : 0); }
  bool is_grey() const { return photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE; }
};

class Page {
 public:
  Page(std::string_view bytes, const std::string& where) : where_(where) {
    source_.bytes = bytes;
    const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                   TIFFOpenOptionsFree);
    if (!options) throw Error("libtiff cannot be started");
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, &source_);
    TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, &source_);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), static_cast<tmsize_t>(max_decoded_bytes));
    tiff_.reset(TIFFClientOpenExt(where.c_str(), "rm", &source_, read_bytes, write_nothing, seek, keep_open,
                                  size_of_file, nullptr, nullptr, options.get()));
    // libtiff passes over a field that reaches behind the end of the file, be it the palette.
    if (!tiff_ || source_.ran_out) refuse_damaged();
    read_layout();
  }

  Image colours() {
    if (layout_.photometric == PHOTOMETRIC_YCBCR || layout_.compression == COMPRESSION_OJPEG) {
      if (!converts_while_reading()) return turned(converted_by_libtiff());
      layout_.photometric = PHOTOMETRIC_RGB;
    }
    check_samples();
    const bool palette = layout_.photometric == PHOTOMETRIC_PALETTE;
    const bool white_first = layout_.photometric == PHOTOMETRIC_MINISWHITE;
    const Image stored = samples(table(!palette, white_first), table(true, false));
    return turned(as_colours(stored));
  }

  Image labels() {
    const std::uint16_t coding = layout_.compression;
    const bool lossy = coding == COMPRESSION_JPEG || coding == COMPRESSION_OJPEG || coding == COMPRESSION_WEBP ||
                       coding == COMPRESSION_JP2000 || coding == COMPRESSION_LERC;
    const bool kind = layout_.is_grey() || layout_.photometric == PHOTOMETRIC_PALETTE;
    if (lossy || !kind || layout_.bits > 8)
      throw InputError(
          fmt::format("{}: not a map of labels; accepted: palette or grey of at most 8 bits, "
                      "without lossy compression",
                      where_));
    check_samples();
    layout_.alpha = false;
    const auto ids = table(false, layout_.photometric == PHOTOMETRIC_MINISWHITE);
    return turned(samples(ids, ids));
  }

 private:
  struct Close {
    void operator()(TIFF* tiff) const { TIFFClose(tiff); }
  };

  [[noreturn]] void refuse_damaged() const {
    if (source_.ran_out) throw InputError(fmt::format("{}: truncated TIFF: the file ends too early", where_));
    throw InputError(
        fmt::format("{}: damaged TIFF: {}", where_, source_.fault[0] != '\0' ? source_.fault : "unreadable"));
  }
  [[noreturn]] void refuse(const std::string& what) const { throw InputError(fmt::format("{}: {}", where_, what)); }

  void read_layout() {
    TIFF* tiff = tiff_.get();
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &layout_.width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &layout_.height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &layout_.bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &layout_.samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &layout_.planar);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &layout_.compression);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &layout_.format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &layout_.orientation);
    if (TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &layout_.photometric) == 0 && layout_.samples >= 3)
      layout_.photometric = PHOTOMETRIC_RGB;
    if (TIFFIsCODECConfigured(layout_.compression) == 0)
      refuse(
          fmt::format("a TIFF of compression {}, which the libtiff of this build does not read", layout_.compression));
    check_decoded_size(layout_.width, layout_.height, 4, where_);

    switch (layout_.photometric) {
      case PHOTOMETRIC_MINISWHITE:
      case PHOTOMETRIC_MINISBLACK:
      case PHOTOMETRIC_PALETTE:
        layout_.colours = 1;
        break;
      case PHOTOMETRIC_RGB:
      case PHOTOMETRIC_YCBCR:
        layout_.colours = 3;
        break;
      case PHOTOMETRIC_SEPARATED:
        layout_.colours = 4;
        break;
      default:
        refuse(fmt::format("a TIFF of photometric interpretation {}; accepted: grey, palette, RGB, YCbCr, CMYK",
                           layout_.photometric));
    }
    std::uint16_t extra = 0;
    const std::uint16_t* kinds = nullptr;
    const bool said = TIFFGetField(tiff, TIFFTAG_EXTRASAMPLES, &extra, &kinds) != 0;
    const std::uint16_t kind = extra > 0 && kinds != nullptr ? kinds[0] : EXTRASAMPLE_UNSPECIFIED;
    // A fourth sample of RGB of which nothing is said is alpha; the alpha of CMYK is dropped.
    const bool unsaid = !said && layout_.photometric == PHOTOMETRIC_RGB && layout_.samples == 4;
    layout_.premultiplied = kind == EXTRASAMPLE_ASSOCALPHA;
    layout_.alpha = (layout_.premultiplied || kind == EXTRASAMPLE_UNASSALPHA || unsaid) &&
                    layout_.samples > layout_.colours && layout_.photometric != PHOTOMETRIC_SEPARATED;
  }

  void check_samples() const {
    if (layout_.format == SAMPLEFORMAT_IEEEFP || layout_.format == SAMPLEFORMAT_COMPLEXINT ||
        layout_.format == SAMPLEFORMAT_COMPLEXIEEEFP)
      refuse(fmt::format("a TIFF of {}-bit {} samples; accepted: unsigned integers of at most 16 bits", layout_.bits,
                         layout_.format == SAMPLEFORMAT_IEEEFP ? "floating-point" : "complex"));
    const bool is_signed =
        layout_.format == SAMPLEFORMAT_INT && (layout_.bits != 8 || layout_.photometric == PHOTOMETRIC_MINISWHITE);
    const bool palette = layout_.photometric == PHOTOMETRIC_PALETTE;
    if (is_signed || layout_.bits < 1 || layout_.bits > (palette ? 8 : 16))
      refuse(fmt::format("a TIFF of {}-bit {}; accepted: unsigned integers of at most {} bits", layout_.bits,
                         palette     ? "palette indices"
                         : is_signed ? "signed samples"
                                     : "samples",
                         palette ? 8 : 16));
    if (layout_.samples < layout_.colours)
      refuse(
          fmt::format("damaged TIFF: {} samples a pixel where {} make the colour", layout_.samples, layout_.colours));
  }

  /// JPEG data of YCbCr come out as RGB, by libjpeg.
  bool converts_while_reading() {
    if (layout_.compression != COMPRESSION_JPEG || layout_.planar != PLANARCONFIG_CONTIG) return false;
    return TIFFSetField(tiff_.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB) != 0;
  }

  Image converted_by_libtiff() {
    source_.in_pixels = true;
    char message[1024] = "";
    TIFFRGBAImage reader;
    if (TIFFRGBAImageOK(tiff_.get(), message) == 0 || TIFFRGBAImageBegin(&reader, tiff_.get(), 1, message) == 0)
      refuse(fmt::format("damaged TIFF: {}", message));
    const std::unique_ptr<TIFFRGBAImage, decltype(&TIFFRGBAImageEnd)> end(&reader, TIFFRGBAImageEnd);
    reader.orientation = reader.req_orientation = ORIENTATION_TOPLEFT;
    std::vector<std::uint32_t> packed(std::size_t{layout_.width} * layout_.height);
    if (TIFFRGBAImageGet(&reader, packed.data(), layout_.width, layout_.height) == 0 || source_.fault[0] != '\0')
      refuse_damaged();
    Image image(static_cast<int>(layout_.width), static_cast<int>(layout_.height), 3);
    for (std::size_t i = 0; i < packed.size(); ++i)
      for (std::size_t c = 0; c < 3; ++c) image.pixels[3 * i + c] = static_cast<std::uint8_t>(packed[i] >> (8 * c));
    return image;
  }

  /// What each stored value becomes: itself, or stretched to 0..255; counted from the largest where 0 is white.
  std::vector<std::uint8_t> table(bool stretched, bool from_largest) const {
    std::vector<std::uint8_t> values(std::size_t{1} << layout_.bits);
    const std::size_t largest = values.size() - 1;
    for (std::size_t i = 0; i <= largest; ++i) {
      const std::size_t value = from_largest ? largest - i : i;
      values[i] = static_cast<std::uint8_t>(stretched ? (255 * value + largest / 2) / largest : value);
    }
    return values;
  }

  /// Refuses a header that promises more than the file can hold, of a picture and of one strip or tile.
  void check_memory(std::uint64_t block_bytes) const {
    const auto limited = {COMPRESSION_NONE,    COMPRESSION_PACKBITS,      COMPRESSION_LZW,
                          COMPRESSION_DEFLATE, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_JPEG};
    if (std::find(limited.begin(), limited.end(), layout_.compression) == limited.end()) return;
    const std::uint64_t pixels = std::uint64_t{layout_.width} * layout_.height;
    check_expansion(std::max(block_bytes, pixels * layout_.bits * layout_.samples / 8), source_.bytes.size(), where_);
  }

  std::uint32_t sample(const std::uint8_t* row, std::size_t index) const {
    if (layout_.bits == 8) return row[index];
    if (layout_.bits == 16) {
      std::uint16_t value = 0;  // libtiff gives it in the order of this machine
      std::memcpy(&value, row + 2 * index, 2);
      return value;
    }
    std::uint32_t value = 0;
    for (std::size_t bit = index * layout_.bits; bit < (index + 1) * layout_.bits; ++bit)
      value = value << 1 | (row[bit / 8] >> (7 - bit % 8) & 1u);
    return value;
  }

  /// All kept samples through the tables, interleaved.
  Image samples(const std::vector<std::uint8_t>& colour, const std::vector<std::uint8_t>& alpha) {
    TIFF* tiff = tiff_.get();
    const bool tiled = TIFFIsTiled(tiff) != 0, separate = layout_.planar == PLANARCONFIG_SEPARATE;
    std::uint32_t block_width = layout_.width, block_height = layout_.height;
    if (tiled) {
      TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &block_width);
      TIFFGetField(tiff, TIFFTAG_TILELENGTH, &block_height);
    } else {
      TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &block_height);
      block_height = std::min(block_height, layout_.height);
    }
    const int samples_in_block = separate ? 1 : layout_.samples, kept = layout_.kept();
    const std::uint64_t row_bits = std::uint64_t{block_width} * static_cast<unsigned>(samples_in_block) * layout_.bits;
    const std::uint64_t row_bytes = (row_bits + 7) / 8;
    check_decoded_size(row_bytes, block_height, 1, where_);
    if (static_cast<std::uint64_t>(tiled ? TIFFTileRowSize(tiff) : TIFFScanlineSize(tiff)) != row_bytes)
      refuse("damaged TIFF: its rows have another length than its samples");

    check_memory(row_bytes * block_height);
    std::vector<std::uint8_t> block(row_bytes * block_height);
    Image image(static_cast<int>(layout_.width), static_cast<int>(layout_.height), kept);
    source_.in_pixels = true;
    for (int plane = 0; plane < (separate ? kept : 1); ++plane) {
      for (std::uint32_t top = 0; top < layout_.height; top += block_height) {
        const std::uint32_t rows = std::min(block_height, layout_.height - top);
        for (std::uint32_t left = 0; left < layout_.width; left += block_width) {
          const tmsize_t wanted = static_cast<tmsize_t>(row_bytes * (tiled ? block_height : rows));
          const auto of_plane = static_cast<std::uint16_t>(plane);
          const tmsize_t got =
              tiled ? TIFFReadEncodedTile(tiff, TIFFComputeTile(tiff, left, top, 0, of_plane), block.data(), wanted)
                    : TIFFReadEncodedStrip(tiff, TIFFComputeStrip(tiff, top, of_plane), block.data(), wanted);
          if (got != wanted || source_.fault[0] != '\0') refuse_damaged();
          const std::uint32_t columns = std::min(block_width, layout_.width - left);
          for (std::uint32_t y = 0; y < rows; ++y) {
            const std::uint8_t* in = block.data() + y * row_bytes;
            std::uint8_t* out = image.at(static_cast<int>(left), static_cast<int>(top + y)) + plane;
            for (std::uint32_t x = 0; x < columns; ++x, out += kept)
              for (int c = 0; c < (separate ? 1 : kept); ++c)
                out[c] = (plane + c < layout_.colours ? colour : alpha)[sample(
                    in, std::size_t{x} * static_cast<unsigned>(samples_in_block) + static_cast<unsigned>(c))];
          }
        }
      }
    }
    // Eight signed bits are the same numbers as unsigned ones while none is below zero.
    if (layout_.format == SAMPLEFORMAT_INT &&
        std::any_of(image.pixels.begin(), image.pixels.end(), [](std::uint8_t v) { return v > 127; }))
      refuse("a TIFF with negative samples; accepted: 0 and above");
    return image;
  }

  Image as_colours(const Image& stored) {
    const bool palette = layout_.photometric == PHOTOMETRIC_PALETTE,
               inks = layout_.photometric == PHOTOMETRIC_SEPARATED;
    std::uint16_t* entries[3] = {};
    if (palette && TIFFGetField(tiff_.get(), TIFFTAG_COLORMAP, &entries[0], &entries[1], &entries[2]) == 0)
      refuse("damaged TIFF: its palette is missing");
    if (!palette && !inks && !(layout_.is_grey() && layout_.alpha) && !layout_.premultiplied) return stored;

    const auto step = static_cast<std::size_t>(stored.channels);
    const std::size_t channels = layout_.alpha ? 4 : 3;
    Image image(stored.width, stored.height, static_cast<int>(channels));
    const std::uint8_t* in = stored.pixels.data();
    for (std::size_t i = 0; i < image.pixels.size(); i += channels, in += step) {
      for (std::size_t c = 0; c < 3; ++c) {
        int value = palette ? entries[c][in[0]] >> 8 : in[layout_.colours == 1 ? 0 : c];
        if (inks) {
          const int without_black = 255 - in[3], product = value * without_black + 128;
          value = without_black - ((product + (product >> 8)) >> 8);
        }
        const int alpha = layout_.premultiplied ? in[step - 1] : 255;
        image.pixels[i + c] = static_cast<std::uint8_t>(alpha == 0 ? 0 : std::min(255, 255 * value / alpha));
      }
      if (layout_.alpha) image.pixels[i + 3] = in[step - 1];
    }
    return image;
  }

  /// As the orientation of the page says: transposed, then mirrored.
  Image turned(Image stored) const {
    const int o = layout_.orientation;
    if (o < 2 || o > 8) return stored;
    const bool transposed = o >= 5, mirrored = o == 2 || o == 3 || o == 7 || o == 8,
               flipped = o == 3 || o == 4 || o == 6 || o == 7;
    Image image(transposed ? stored.height : stored.width, transposed ? stored.width : stored.height, stored.channels);
    for (int y = 0; y < image.height; ++y)
      for (int x = 0; x < image.width; ++x) {
        const int from_x = transposed ? y : x, from_y = transposed ? x : y;
        std::copy_n(
            stored.at(mirrored ? stored.width - 1 - from_x : from_x, flipped ? stored.height - 1 - from_y : from_y),
            stored.channels, image.at(x, y));
      }
    return image;
  }

  const std::string& where_;
  Source source_;
  std::unique_ptr<TIFF, Close> tiff_;
  Layout layout_;
};

}  // namespace

Image decode_tiff(std::string_view bytes, const std::string& where) { return Page(bytes, where).colours(); }

Image decode_tiff_labels(std::string_view bytes, const std::string& where) { return Page(bytes, where).labels(); }

}  // namespace assay
