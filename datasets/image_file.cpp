#include "datasets/image_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "datasets/jpeg.h"
#include "datasets/png.h"

namespace assay {
namespace {

using Decoder = Image (*)(std::string_view bytes, const std::string& where);

struct Format {
  std::string_view name;
  std::vector<std::string_view> extensions;
  bool (*recognises)(std::string_view bytes);
  std::string_view package;
  Decoder decode;  // null where the library was not there when this was built
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
  return bytes.size() > 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6';
}

const std::vector<Format>& format_table() {
  static const std::vector<Format> table = {
      {"PNG", {".png"}, is_png, "libpng-dev", decode_png},
      {"JPEG", {".jpg", ".jpeg", ".jpe", ".jfif"}, is_jpeg, "libjpeg-dev", decode_jpeg},
      {"WebP", {".webp"}, is_webp, "libwebp-dev", nullptr},
      {"TIFF", {".tif", ".tiff"}, is_tiff, "libtiff-dev", nullptr},
      {"BMP", {".bmp", ".dib"}, is_bmp, "", nullptr},
      {"GIF", {".gif"}, is_gif, "libgif-dev", nullptr},
      {"PNM", {".ppm", ".pgm", ".pbm", ".pnm"}, is_pnm, "", nullptr},
  };
  return table;
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
    formats.push_back({format.name, format.extensions, format.package, format.decode != nullptr});
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
    if (format.decode) extensions.insert(extensions.end(), format.extensions.begin(), format.extensions.end());
  return fmt::format("{}", fmt::join(extensions, ", "));
}

std::string accepted_image_formats() {
  std::vector<std::string_view> names;
  for (const Format& format : format_table())
    if (format.decode) names.push_back(format.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Image decode_image(std::string_view bytes, const std::string& where) {
  if (bytes.empty()) throw InputError(fmt::format("{}: empty file, expected an image", where));
  for (const Format& format : format_table()) {
    if (!format.recognises(bytes)) continue;
    if (format.decode) return format.decode(bytes, where);
    throw InputError(
        fmt::format("{}: this build has no {}: install {} and build again", where, format.name, format.package));
  }
  throw InputError(fmt::format("{}: not an image of a known kind; accepted: {}", where, accepted_image_formats()));
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
  if (!is_png(bytes))
    throw InputError(fmt::format("{}: a map of labels must be a PNG, palette or grey", file.string()));
  return decode_png_labels(bytes, file.string());
}

}  // namespace assay
