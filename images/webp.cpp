#include "images/webp.h"

#include <fmt/format.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

#include "core/error.h"
#include "images/decoded_size.h"

namespace assay {
namespace {

struct Frame {
  WebPIterator iterator{};
  ~Frame() { WebPDemuxReleaseIterator(&iterator); }
};

[[noreturn]] void refuse(const std::string& where, bool truncated) {
  throw InputError(
      fmt::format("{}: {}", where,
                  truncated ? "truncated WebP: the file ends too early" : "damaged WebP: its data cannot be decoded"));
}

bool is_shorter_than_it_says(std::string_view bytes) {
  std::uint64_t size = 8;
  for (std::size_t i = 0; i < 4 && bytes.size() >= 8; ++i)
    size += std::uint64_t{static_cast<std::uint8_t>(bytes[4 + i])} << (8 * i);
  return bytes.size() < size || bytes.size() < 12;
}

}  // namespace

Image decode_webp(std::string_view bytes, const std::string& where) {
  const WebPData data{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
  const std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)> file(WebPDemux(&data), WebPDemuxDelete);
  Frame first;
  if (!file || WebPDemuxGetFrame(file.get(), 1, &first.iterator) == 0) refuse(where, is_shorter_than_it_says(bytes));

  const std::uint32_t width = WebPDemuxGetI(file.get(), WEBP_FF_CANVAS_WIDTH);
  const std::uint32_t height = WebPDemuxGetI(file.get(), WEBP_FF_CANVAS_HEIGHT);
  const WebPIterator& frame = first.iterator;
  const bool transparent = (WebPDemuxGetI(file.get(), WEBP_FF_FORMAT_FLAGS) & ALPHA_FLAG) != 0;
  const int channels = transparent ? 4 : 3;
  check_decoded_size(width, height, static_cast<std::uint64_t>(channels), where);

  Image image(static_cast<int>(width), static_cast<int>(height), channels);
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) throw Error("libwebp cannot be started");
  const std::size_t start = image.offset(frame.x_offset, frame.y_offset);
  config.output.colorspace = transparent ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = image.pixels.data() + start;
  config.output.u.RGBA.size = image.pixels.size() - start;
  config.output.u.RGBA.stride = static_cast<int>(width) * channels;
  const VP8StatusCode status = WebPDecode(frame.fragment.bytes, frame.fragment.size, &config);
  if (status == VP8_STATUS_OUT_OF_MEMORY)
    throw Error(fmt::format("{}: no memory for {} x {} pixels", where, width, height));
  if (status != VP8_STATUS_OK) refuse(where, status == VP8_STATUS_NOT_ENOUGH_DATA);
  return image;
}

}  // namespace assay
