#include "images/png.h"

#include <fmt/format.h>
#include <png.h>

#include <csetjmp>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "images/decoded_size.h"

namespace assay {
namespace {

// libpng reports a failure by calling back and must not return from it: control jumps to the setjmp of the function
// that drives it. Everything with a destructor is therefore owned by that function's caller.
struct Fault {
  std::jmp_buf jump;
  char message[160] = "";
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* fault = static_cast<Fault*>(png_get_error_ptr(png));
  std::strncpy(fault->message, message, sizeof fault->message - 1);
  std::longjmp(fault->jump, 1);
}

void on_warning(png_structp, png_const_charp) {}

struct Source {
  std::string_view bytes;
  std::size_t at = 0;
  bool ran_out = false;
};

void read_bytes(png_structp png, png_bytep data, std::size_t size) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (size > source->bytes.size() - source->at) {
    source->ran_out = true;
    png_error(png, "the file ends too early");
  }
  std::memcpy(data, source->bytes.data() + source->at, size);
  source->at += size;
}

void append_bytes(png_structp png, png_bytep data, std::size_t size) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<const char*>(data), size);
}

void flush_nothing(png_structp) {}

struct Reader {
  Fault fault;
  Source source;
  png_structp png = nullptr;
  png_infop info = nullptr;
  bool no_labels = false;
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
};

struct Writer {
  Fault fault;
  std::string out;
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~Writer() { png_destroy_write_struct(&png, &info); }
};

enum class Samples { colours, labels };

bool read_header(Reader& reader, Samples samples, Image& image, std::size_t& row_bytes) {
  if (setjmp(reader.fault.jump)) return false;
  png_structp png = reader.png;
  png_infop info = reader.info;
  png_set_read_fn(png, &reader.source, read_bytes);
  png_set_user_limits(png, 1u << 20, 1u << 20);
  png_read_info(png, info);
  const int type = png_get_color_type(png, info);
  if (samples == Samples::labels) {
    const bool labels = type == PNG_COLOR_TYPE_PALETTE || type == PNG_COLOR_TYPE_GRAY;
    if (!labels || png_get_bit_depth(png, info) > 8) {
      reader.no_labels = true;
      return true;
    }
    png_set_packing(png);
  } else {
    if (png_get_bit_depth(png, info) == 16) png_set_scale_16(png);
    if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (type == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8) png_set_expand_gray_1_2_4_to_8(png);
    const bool transparent = png_get_valid(png, info, PNG_INFO_tRNS) != 0;
    if (transparent) png_set_tRNS_to_alpha(png);
    if (type == PNG_COLOR_TYPE_GRAY_ALPHA || (type == PNG_COLOR_TYPE_GRAY && transparent)) png_set_gray_to_rgb(png);
  }
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  image.width = static_cast<int>(png_get_image_width(png, info));
  image.height = static_cast<int>(png_get_image_height(png, info));
  image.channels = png_get_channels(png, info);
  row_bytes = png_get_rowbytes(png, info);
  return true;
}

bool read_rows(Reader& reader, png_bytepp rows) {
  if (setjmp(reader.fault.jump)) return false;
  png_read_image(reader.png, rows);
  png_read_end(reader.png, nullptr);
  return true;
}

bool write_rows(Writer& writer, const Image& image, png_bytepp rows) {
  if (setjmp(writer.fault.jump)) return false;
  png_set_write_fn(writer.png, &writer.out, append_bytes, flush_nothing);
  const int type = image.channels == 1   ? PNG_COLOR_TYPE_GRAY
                   : image.channels == 3 ? PNG_COLOR_TYPE_RGB
                                         : PNG_COLOR_TYPE_RGBA;
  png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height),
               8, type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_compression_level(writer.png, 6);
  png_write_info(writer.png, writer.info);
  png_write_image(writer.png, rows);
  png_write_end(writer.png, nullptr);
  return true;
}

std::string fault_text(const Reader& reader) {
  return reader.source.ran_out ? "truncated PNG: the file ends too early"
                               : fmt::format("damaged PNG: {}", reader.fault.message);
}

Image decode(std::string_view bytes, Samples samples, const std::string& where) {
  if (bytes.empty()) throw InputError(fmt::format("{}: empty file, expected a PNG image", where));
  const std::size_t signature = std::min<std::size_t>(bytes.size(), 8);
  if (png_sig_cmp(reinterpret_cast<png_const_bytep>(bytes.data()), 0, signature) != 0)
    throw InputError(fmt::format("{}: not a PNG image", where));

  Reader reader;
  reader.source.bytes = bytes;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader.fault, on_error, on_warning);
  reader.info = reader.png ? png_create_info_struct(reader.png) : nullptr;
  if (!reader.info) throw Error("libpng cannot be started");

  Image image;
  std::size_t row_bytes = 0;
  if (!read_header(reader, samples, image, row_bytes))
    throw InputError(fmt::format("{}: {}", where, fault_text(reader)));
  if (reader.no_labels)
    throw InputError(fmt::format("{}: not a map of labels; accepted: palette or grey of at most 8 bits", where));
  const std::size_t total = row_bytes * static_cast<std::size_t>(image.height);
  check_decoded_size(static_cast<std::uint64_t>(image.width), static_cast<std::uint64_t>(image.height),
                     static_cast<std::uint64_t>(image.channels), where);
  // Deflate shrinks at most 1032-fold and packed pixels expand at most 32-fold: a header that promises more than the
  // file can hold is refused before the memory is taken.
  if (total / (1032 * 32) > bytes.size())
    throw InputError(fmt::format("{}: truncated PNG: {} bytes cannot hold {} x {} pixels", where, bytes.size(),
                                 image.width, image.height));
  image.pixels.resize(total);
  std::vector<png_bytep> rows(static_cast<std::size_t>(image.height));
  for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = image.pixels.data() + y * row_bytes;
  if (!read_rows(reader, rows.data())) throw InputError(fmt::format("{}: {}", where, fault_text(reader)));
  return image;
}

}  // namespace

Image decode_png(std::string_view bytes, const std::string& where) { return decode(bytes, Samples::colours, where); }

Image decode_png_labels(std::string_view bytes, const std::string& where) {
  return decode(bytes, Samples::labels, where);
}

std::string encode_png(const Image& image) {
  const bool channels_ok = image.channels == 1 || image.channels == 3 || image.channels == 4;
  if (image.width < 1 || image.height < 1 || !channels_ok || image.pixels.size() != image.offset(0, image.height))
    throw Error(fmt::format("PNG: cannot write {} x {} with {} channels and {} bytes; accepted: 1, 3 or 4 channels",
                            image.width, image.height, image.channels, image.pixels.size()));
  Writer writer;
  writer.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer.fault, on_error, on_warning);
  writer.info = writer.png ? png_create_info_struct(writer.png) : nullptr;
  if (!writer.info) throw Error("libpng cannot be started");
  std::vector<png_bytep> rows(static_cast<std::size_t>(image.height));
  // libpng asks for non-const rows and does not write to them.
  for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = const_cast<png_bytep>(image.at(0, static_cast<int>(y)));
  if (!write_rows(writer, image, rows.data())) throw Error(fmt::format("PNG: {}", writer.fault.message));
  return std::move(writer.out);
}

void write_png(const std::filesystem::path& file, const Image& image) {
  write_file_atomically(file, encode_png(image));
}

}  // namespace assay
