#include "images/gif.h"

#include <fmt/format.h>
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "core/error.h"
#include "images/decoded_size.h"

namespace assay {
namespace {

struct Source {
  std::string_view bytes;
  std::size_t at = 0;
  bool ran_out = false;
};

int read_bytes(GifFileType* gif, GifByteType* out, int size) {
  auto* source = static_cast<Source*>(gif->UserData);
  const std::size_t wanted = static_cast<std::size_t>(size), left = source->bytes.size() - source->at;
  const std::size_t given = std::min(wanted, left);
  source->ran_out = source->ran_out || given < wanted;
  std::memcpy(out, source->bytes.data() + source->at, given);
  source->at += given;
  return static_cast<int>(given);
}

struct Close {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};

using Palette = std::array<std::array<std::uint8_t, 3>, 256>;

/// The first frame, in palette indices.
struct Frame {
  Image canvas;  // 1 channel
  bool fills_canvas = false;
  int transparent = -1;  // an index, or -1
  Palette palette{};
};

class Reader {
 public:
  Reader(std::string_view bytes, const std::string& where) : where_(where) {
    source_.bytes = bytes;
    int fault = 0;
    gif_.reset(DGifOpen(&source_, read_bytes, &fault));
    if (!gif_) refuse(fault);
  }

  Frame first_frame() {
    Frame frame;
    for (;;) {
      GifRecordType record = UNDEFINED_RECORD_TYPE;
      check(DGifGetRecordType(gif_.get(), &record));
      if (record == IMAGE_DESC_RECORD_TYPE) break;
      if (record == EXTENSION_RECORD_TYPE) read_extension(frame);
      if (record == TERMINATE_RECORD_TYPE) throw InputError(fmt::format("{}: a GIF without an image", where_));
    }
    check(DGifGetImageDesc(gif_.get()));
    const GifImageDesc& place = gif_->Image;
    const int width = std::max(gif_->SWidth, place.Left + place.Width);
    const int height = std::max(gif_->SHeight, place.Top + place.Height);
    check_decoded_size(static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(height), 4, where_);
    check_decoded_size(static_cast<std::uint64_t>(place.Width), static_cast<std::uint64_t>(place.Height), 4, where_);
    frame.fills_canvas = place.Width == width && place.Height == height;
    frame.canvas = Image(width, height, 1, static_cast<std::uint8_t>(std::max(frame.transparent, 0)));
    // Interlaced rows come in four passes: every 8th, the 8ths between, the 4ths between, the rest.
    if (place.Interlace) {
      read_rows(frame, 0, 8);
      read_rows(frame, 4, 8);
      read_rows(frame, 2, 4);
      read_rows(frame, 1, 2);
    } else {
      read_rows(frame, 0, 1);
    }
    read_palette(frame);
    return frame;
  }

 private:
  void read_extension(Frame& frame) {
    int code = 0;
    GifByteType* block = nullptr;
    check(DGifGetExtension(gif_.get(), &code, &block));
    while (block != nullptr) {
      // The length of a block stands in its first byte.
      if (code == GRAPHICS_EXT_FUNC_CODE && block[0] >= 4 && (block[1] & 1) != 0) frame.transparent = block[4];
      check(DGifGetExtensionNext(gif_.get(), &block));
    }
  }

  void read_rows(Frame& frame, int first, int step) {
    const GifImageDesc& place = gif_->Image;
    for (int y = first; y < place.Height; y += step)
      check(DGifGetLine(gif_.get(), frame.canvas.at(place.Left, place.Top + y), place.Width));
  }

  void read_palette(Frame& frame) const {
    const ColorMapObject* colours = gif_->Image.ColorMap != nullptr ? gif_->Image.ColorMap : gif_->SColorMap;
    for (std::size_t i = 0; i < frame.palette.size(); ++i) {
      const auto grey = static_cast<std::uint8_t>(i);
      if (colours == nullptr)
        frame.palette[i] = {grey, grey, grey};
      else if (i < static_cast<std::size_t>(colours->ColorCount))
        frame.palette[i] = {colours->Colors[i].Red, colours->Colors[i].Green, colours->Colors[i].Blue};
    }
  }

  void check(int status) const {
    if (status == GIF_ERROR) refuse(gif_->Error);
  }
  [[noreturn]] void refuse(int fault) const {
    const char* text = GifErrorString(fault);
    throw InputError(source_.ran_out
                         ? fmt::format("{}: truncated GIF: the file ends too early", where_)
                         : fmt::format("{}: damaged GIF: {}", where_, text != nullptr ? text : "unreadable"));
  }

  const std::string& where_;
  Source source_;
  std::unique_ptr<GifFileType, Close> gif_;
};

}  // namespace

Image decode_gif(std::string_view bytes, const std::string& where) {
  const Frame frame = Reader(bytes, where).first_frame();
  const int channels = frame.transparent >= 0 ? 4 : 3;
  Image image(frame.canvas.width, frame.canvas.height, channels);
  auto out = image.pixels.begin();
  for (const std::uint8_t index : frame.canvas.pixels) {
    out = std::copy_n(frame.palette[index].begin(), 3, out);
    if (channels == 4) *out++ = index == frame.transparent ? 0 : 255;
  }
  return image;
}

Image decode_gif_labels(std::string_view bytes, const std::string& where) {
  Frame frame = Reader(bytes, where).first_frame();
  if (!frame.fills_canvas)
    throw InputError(
        fmt::format("{}: not a map of labels: the first frame of this GIF does not fill its canvas", where));
  return std::move(frame.canvas);
}

}  // namespace assay
