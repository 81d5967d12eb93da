#include "images/jpeg.h"

#include <fmt/format.h>

#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <vector>

// clang-format off: jpeglib.h needs <cstddef> and <cstdio> before it
#include <jerror.h>
#include <jpeglib.h>
// clang-format on

#include "core/error.h"
#include "images/decoded_size.h"

namespace assay {
namespace {

// libjpeg reports a failure by calling back and must not return from it: control jumps to the setjmp of the function
// that drives it. Everything with a destructor is therefore owned by that function's caller.
struct Fault {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX] = "";
  bool ran_out = false;
};

[[noreturn]] void on_error(j_common_ptr info) {
  auto* fault = reinterpret_cast<Fault*>(info->err);
  info->err->format_message(info, fault->message);
  std::longjmp(fault->jump, 1);
}

// libjpeg fills missing or damaged data with grey and merely warns. Such pixels are not the image's.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  auto* fault = reinterpret_cast<Fault*>(info->err);
  switch (info->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_BOGUS_ICC:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
      return;
    default:
      fault->ran_out = info->err->msg_code == JWRN_JPEG_EOF;
      on_error(info);
  }
}

void on_output(j_common_ptr) {}

struct Reader {
  Fault fault{};
  jpeg_decompress_struct info{};
  Reader() {
    info.err = jpeg_std_error(&fault.manager);
    fault.manager.error_exit = on_error;
    fault.manager.emit_message = on_message;
    fault.manager.output_message = on_output;
  }
  ~Reader() { jpeg_destroy_decompress(&info); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
};

bool read_header(Reader& reader, std::string_view bytes) {
  if (setjmp(reader.fault.jump)) return false;
  jpeg_create_decompress(&reader.info);
  jpeg_mem_src(&reader.info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&reader.info, TRUE);
  return true;
}

bool read_rows(Reader& reader, J_COLOR_SPACE space, std::vector<JSAMPROW>& rows) {
  if (setjmp(reader.fault.jump)) return false;
  reader.info.out_color_space = space;
  reader.info.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&reader.info);
  while (reader.info.output_scanline < reader.info.output_height)
    jpeg_read_scanlines(&reader.info, rows.data() + reader.info.output_scanline,
                        reader.info.output_height - reader.info.output_scanline);
  jpeg_finish_decompress(&reader.info);
  return true;
}

std::string fault_text(const Reader& reader) {
  return reader.fault.ran_out ? "truncated JPEG: the file ends too early"
                              : fmt::format("damaged JPEG: {}", reader.fault.message);
}

Image from_inverted_cmyk(const Image& inks) {
  Image rgb(inks.width, inks.height, 3);
  const std::uint8_t* in = inks.pixels.data();
  for (std::size_t i = 0; i < rgb.pixels.size(); i += 3, in += 4) {
    const int without_black = in[3];
    for (std::size_t c = 0; c < 3; ++c) {
      const int product = (255 - in[c]) * without_black + 128;
      rgb.pixels[i + c] = static_cast<std::uint8_t>(without_black - ((product + (product >> 8)) >> 8));
    }
  }
  return rgb;
}

}  // namespace

Image decode_jpeg(std::string_view bytes, const std::string& where) {
  if (bytes.empty()) throw InputError(fmt::format("{}: empty file, expected a JPEG image", where));
  if (bytes.substr(0, 3) != std::string_view("\xFF\xD8\xFF").substr(0, bytes.size()))
    throw InputError(fmt::format("{}: not a JPEG image", where));
  Reader reader;
  if (!read_header(reader, bytes)) throw InputError(fmt::format("{}: {}", where, fault_text(reader)));

  const int components = reader.info.num_components;
  if (components != 1 && components != 3 && components != 4)
    throw InputError(fmt::format("{}: a JPEG of {} channels; accepted: 1 (grey), 3 (RGB, YCbCr), 4 (CMYK, YCCK)", where,
                                 components));
  const std::size_t row_bytes = std::size_t{reader.info.image_width} * static_cast<std::size_t>(components);
  const std::size_t total = row_bytes * reader.info.image_height;
  check_decoded_size(reader.info.image_width, reader.info.image_height, static_cast<std::uint64_t>(components), where);
  // A Huffman code takes at least one bit a block of 64 pixels: a header that promises more than the file can hold is
  // refused before the memory is taken.
  if (!reader.info.arith_code && total / static_cast<std::size_t>(components) / 512 > bytes.size())
    throw InputError(fmt::format("{}: truncated JPEG: {} bytes cannot hold {} x {} pixels", where, bytes.size(),
                                 reader.info.image_width, reader.info.image_height));

  Image image(static_cast<int>(reader.info.image_width), static_cast<int>(reader.info.image_height), components);
  std::vector<JSAMPROW> rows(reader.info.image_height);
  for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = image.pixels.data() + y * row_bytes;
  const J_COLOR_SPACE space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
  if (!read_rows(reader, space, rows)) throw InputError(fmt::format("{}: {}", where, fault_text(reader)));
  return components == 4 ? from_inverted_cmyk(image) : image;
}

}  // namespace assay
