#include "images/image_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "images/bmp.h"
#include "images/gif.h"
#include "images/jpeg.h"
#include "images/png.h"
#include "images/pnm.h"
#include "images/tiff.h"
#include "images/webp.h"

namespace assay {
namespace {

using Decoder = Image (*)(std::string_view bytes, const std::string& where);

struct Decoders {
  Decoder colours = nullptr;  // null where the library was not there when this was built
  Decoder labels = nullptr;   // null also where files of the format hold no labels
};

// A decoder without its library is not compiled, so nothing may name it.
#if ASSAY_WITH_WEBP
constexpr Decoders webp{decode_webp, nullptr};
#else
constexpr Decoders webp;
#endif
#if ASSAY_WITH_TIFF
constexpr Decoders tiff{decode_tiff, decode_tiff_labels};
#else
constexpr Decoders tiff;
#endif
#if ASSAY_WITH_GIF
constexpr Decoders gif{decode_gif, decode_gif_labels};
#else
constexpr Decoders gif;
#endif

struct Format {
  std::string_view name;
  std::vector<std::string_view> extensions;
  bool (*recognises)(std::string_view bytes);
  Decoders decoders;
  std::string_view package = {};        // which Debian package has the library, where a build may lack it
  std::string_view why_no_labels = {};  // where it holds none
};

bool is_png(std::string_view bytes) { return bytes.starts_with(std::string_view("\x89PNG\r\n\x1a\n", 8)); }
bool is_jpeg(std::string_view bytes) { return bytes.starts_with("\xFF\xD8\xFF"); }
bool is_webp(std::string_view bytes) { return bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP"); }
bool is_gif(std::string_view bytes) { return bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a"); }
bool is_bmp(std::string_view bytes) { return bytes.starts_with("BM"); }
bool is_tiff(std::string_view bytes) {
  for (const std::string_view start : {std::string_view("II*\0", 4), std::string_view("MM\0*", 4),
                                       std::string_view("II+\0", 4), std::string_view("MM\0+", 4)})
    if (bytes.starts_with(start)) return true;
  return false;
}
bool is_pnm(std::string_view bytes) {
  constexpr std::string_view ends = " \t\n\v\f\r#";
  return bytes.size() > 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' && ends.find(bytes[2]) != ends.npos;
}

const std::vector<Format>& format_table() {
  static const std::vector<Format> table = {
      {"PNG", {".png"}, is_png, {decode_png, decode_png_labels}},
      {"JPEG", {".jpg", ".jpeg", ".jpe", ".jfif"}, is_jpeg, {decode_jpeg}, {}, "its compression changes values"},
      {"WebP", {".webp"}, is_webp, webp, "libwebp-dev", "it holds colours, no palette"},
      {"TIFF", {".tif", ".tiff"}, is_tiff, tiff, "libtiff-dev"},
      {"BMP", {".bmp"}, is_bmp, {decode_bmp, decode_bmp_labels}},
      {"GIF", {".gif"}, is_gif, gif, "libgif-dev"},
      {"PNM", {".ppm", ".pgm", ".pbm", ".pnm"}, is_pnm, {decode_pnm, decode_pnm_labels}},
  };
  return table;
}

/// The format that the first bytes belong to, which this build reads.
const Format& format_of(std::string_view bytes, const std::string& where) {
  if (bytes.empty()) throw InputError(fmt::format("{}: empty file, expected an image", where));
  for (const Format& format : format_table()) {
    if (!format.recognises(bytes)) continue;
    if (format.decoders.colours) return format;
    throw FormatNotBuilt(
        fmt::format("{}: this build has no {}: install {} and build again", where, format.name, format.package));
  }
  throw InputError(fmt::format("{}: not an image of a known kind; accepted: {}", where, accepted_image_formats()));
}

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

}  // namespace

std::vector<ImageFormat> image_formats() {
  std::vector<ImageFormat> formats;
  for (const Format& format : format_table())
    formats.push_back({format.name, format.extensions, format.package, format.decoders.colours != nullptr});
  return formats;
}

bool has_image_extension(const std::filesystem::path& path) {
  const std::string extension = lower_case(path.extension().string());
  for (const Format& format : format_table())
    if (std::find(format.extensions.begin(), format.extensions.end(), extension) != format.extensions.end())
      return true;
  return false;
}

std::string accepted_image_extensions() {
  std::vector<std::string_view> extensions;
  for (const Format& format : format_table())
    if (format.decoders.colours)
      extensions.insert(extensions.end(), format.extensions.begin(), format.extensions.end());
  return fmt::format("{}", fmt::join(extensions, ", "));
}

std::string accepted_image_formats() {
  std::vector<std::string_view> names;
  for (const Format& format : format_table())
    if (format.decoders.colours) names.push_back(format.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Image decode_image(std::string_view bytes, const std::string& where) {
  return format_of(bytes, where).decoders.colours(bytes, where);
}

Image read_image_file(const std::filesystem::path& file) { return decode_image(read_file(file), file.string()); }

Image as_rgb(Image image) {
  if (image.channels == 3) return image;
  Image rgb(image.width, image.height, 3);
  const auto step = static_cast<std::size_t>(image.channels);
  const std::uint8_t* in = image.pixels.data();
  for (std::size_t i = 0; i < rgb.pixels.size(); i += 3, in += step)
    for (std::size_t c = 0; c < 3; ++c) rgb.pixels[i + c] = in[step == 1 ? 0 : c];
  return rgb;
}

Image as_grey(Image image) {
  if (image.channels == 1) return image;
  Image grey(image.width, image.height, 1);
  const auto step = static_cast<std::size_t>(image.channels);
  const std::uint8_t* in = image.pixels.data();
  for (std::size_t i = 0; i < grey.pixels.size(); ++i, in += step)
    grey.pixels[i] = static_cast<std::uint8_t>((19595u * in[0] + 38470u * in[1] + 7471u * in[2] + 32768u) >> 16);
  return grey;
}

Image read_label_map(const std::filesystem::path& file) {
  const std::string bytes = read_file(file);
  const Format& format = format_of(bytes, file.string());
  if (format.decoders.labels) return format.decoders.labels(bytes, file.string());
  std::vector<std::string_view> accepted;
  for (const Format& other : format_table())
    if (other.decoders.labels) accepted.push_back(other.name);
  throw InputError(fmt::format("{}: a {} cannot be a map of labels, {}; accepted: {}", file.string(), format.name,
                               format.why_no_labels, fmt::join(accepted, ", ")));
}

}  // namespace assay
