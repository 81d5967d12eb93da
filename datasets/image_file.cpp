#include "datasets/image_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "datasets/jpeg.h"
#include "datasets/png.h"

namespace assay {
namespace {

constexpr std::string_view png_signature("\x89PNG\r\n\x1a\n", 8);
constexpr std::string_view jpeg_signature("\xFF\xD8\xFF", 3);

bool has_known_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

}  // namespace

Image decode_image(std::string_view bytes, const std::string& where) {
  if (bytes.substr(0, png_signature.size()) == png_signature) return decode_png(bytes, where);
  if (bytes.substr(0, jpeg_signature.size()) == jpeg_signature) return decode_jpeg(bytes, where);
  if (bytes.empty()) throw InputError(fmt::format("{}: empty file, expected a PNG or JPEG image", where));
  throw InputError(fmt::format("{}: neither a PNG nor a JPEG image", where));
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
  if (std::string_view(bytes).substr(0, png_signature.size()) != png_signature)
    throw InputError(fmt::format("{}: a map of labels must be a PNG, palette or grey", file.string()));
  return decode_png_labels(bytes, file.string());
}

ImageFolder list_image_folder(const std::filesystem::path& folder) {
  std::error_code fault;
  std::filesystem::directory_iterator entries(folder, fault);
  if (fault) throw InputError(fmt::format("{}: cannot be read as a folder: {}", folder.string(), fault.message()));
  ImageFolder found;
  for (const auto& entry : entries) {
    const std::filesystem::path& path = entry.path();
    const std::string name = path.filename().string();
    if (name.starts_with('.')) {
      ++found.hidden;
    } else if (has_known_extension(path) && entry.is_regular_file(fault)) {
      found.files.push_back({path.stem().string(), path});
    } else {
      ++found.others;
      if (found.first_other.empty() || name < found.first_other) found.first_other = name;
    }
  }
  if (found.files.empty())
    throw InputError(fmt::format("{}: no images; accepted: .png, .jpg and .jpeg files in the folder itself{}",
                                 folder.string(),
                                 found.others > 0 ? fmt::format(", found {} other entries", found.others) : ""));
  std::sort(found.files.begin(), found.files.end(), [](const auto& a, const auto& b) {
    return std::tie(a.stem, a.path.native()) < std::tie(b.stem, b.path.native());
  });
  return found;
}

}  // namespace assay
