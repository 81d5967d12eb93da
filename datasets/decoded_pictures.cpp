#include "datasets/decoded_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/parallel.h"
#include "core/safetensors.h"
#include "images/area_resize.h"
#include "images/centred_square.h"
#include "images/png.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

/// The picture as RGBA.
Image with_alpha(Image image) {
  if (image.channels == 4) return image;
  Image out(image.width, image.height, 4, 255);
  const auto channels = static_cast<std::size_t>(image.channels);
  for (std::size_t i = 0, count = image.pixels.size() / channels; i < count; ++i)
    for (std::size_t c = 0; c < 3; ++c) out.pixels[4 * i + c] = image.pixels[channels * i + (channels == 3 ? c : 0)];
  return out;
}

/// A picture of our own on the same way, so that another way - another decoder, another resize - gives another key.
std::string sample_of_the_way() {
  Image image(37, 23, 4);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * i % 251);
  const DecodedPicture decoded = decode_picture(encode_png(image), "a picture of our own", 8);
  return Hasher().text(decoded.pixels).values(std::span<const std::uint8_t>(decoded.cutout.pixels)).hex();
}

/// Where just these pictures are kept: faults name the file, so that its place counts too.
fs::path place_of(const std::vector<PictureFile>& files, int size, const fs::path& folder) {
  Hasher hasher;
  hasher.text(sample_of_the_way()).number(std::int64_t{size}).number(std::ssize(files));
  for (const PictureFile& file : files) hasher.text(file.file.string()).text(file.bytes);
  return folder / fmt::format("pictures-{}.safetensors", hasher.hex().substr(0, 16));
}

constexpr const char *cutouts_key = "cutouts", *pictures_key = "pictures", *sum_key = "sum";

std::string sum_of(std::span<const std::byte> cutouts, const std::string& pictures) {
  return Hasher().text(pictures).bytes(cutouts.data(), cutouts.size()).hex();
}

/// None where there is no such file, or not what keep() wrote.
std::optional<std::vector<DecodedPicture>> kept(const fs::path& place, std::size_t count, int size) {
  std::error_code code;
  if (!fs::is_regular_file(place, code)) return std::nullopt;
  try {
    const SafetensorsFile file(place);
    const std::span<const std::byte> cutouts = file.at(cutouts_key).data;
    const std::string& text = file.metadata().at(pictures_key);
    if (file.metadata().at(sum_key) != sum_of(cutouts, text)) return std::nullopt;
    std::vector<DecodedPicture> pictures(count);
    std::size_t at = 0;
    const nlohmann::json told = nlohmann::json::parse(text);
    if (told.size() != count) return std::nullopt;
    for (std::size_t i = 0; i < count; ++i) {
      DecodedPicture& picture = pictures[i];
      told[i].at(0).get_to(picture.missing);
      told[i].at(1).get_to(picture.pixels);
      if (!picture.missing.empty()) continue;
      picture.cutout = Image(size, size, 4);
      std::vector<std::uint8_t>& pixels = picture.cutout.pixels;
      if (cutouts.size() - at < pixels.size()) return std::nullopt;
      std::transform(cutouts.begin() + static_cast<std::ptrdiff_t>(at),
                     cutouts.begin() + static_cast<std::ptrdiff_t>(at + pixels.size()), pixels.begin(),
                     [](std::byte byte) { return std::to_integer<std::uint8_t>(byte); });
      at += pixels.size();
    }
    return pictures;
  } catch (const std::exception&) {
    return std::nullopt;  // whatever is wrong with it: it is written anew
  }
}

void keep(const std::vector<DecodedPicture>& pictures, int size, const fs::path& place) {
  nlohmann::json told = nlohmann::json::array();
  std::vector<std::uint8_t> cutouts;
  for (const DecodedPicture& picture : pictures) {
    told.push_back({picture.missing, picture.pixels});
    cutouts.insert(cutouts.end(), picture.cutout.pixels.begin(), picture.cutout.pixels.end());
  }
  const std::span<const std::byte> bytes = std::as_bytes(std::span<const std::uint8_t>(cutouts));
  // A home that cannot be written and names that are not UTF-8 are no faults of the data set: the next opening decodes
  // again.
  try {
    const std::string text = told.dump();
    SafetensorsWriter writer;
    writer.add(cutouts_key, DType::u8, {std::ssize(cutouts) / (4 * std::int64_t{size} * size), size, size, 4}, bytes);
    writer.add_metadata(pictures_key, text);
    writer.add_metadata(sum_key, sum_of(bytes, text));
    ensure_folder(place.parent_path());
    writer.write(place);
  } catch (const InputError&) {
  } catch (const nlohmann::json::exception&) {
  }
}

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

PictureCache user_picture_cache() {
  fs::path folder = variable("ASSAY_CACHE");
  if (folder.empty() && !variable("XDG_CACHE_HOME").empty()) folder = fs::path(variable("XDG_CACHE_HOME")) / "assay";
  if (folder.empty() && !variable("HOME").empty()) folder = fs::path(variable("HOME")) / ".cache" / "assay";
  PictureCache cache;
  if (!folder.empty()) cache.folder = folder / "pictures";
  return cache;
}

std::vector<DecodedPicture> decode_pictures(const std::vector<PictureFile>& files, std::uint64_t bytes, int size,
                                            const PictureCache& cache) {
  const std::uint64_t cutout = 4ULL * static_cast<std::uint64_t>(size) * static_cast<std::uint64_t>(size);
  const bool keeps = !cache.folder.empty() && bytes >= cache.least && files.size() * cutout <= cache.most;
  const fs::path place = keeps ? place_of(files, size, cache.folder) : fs::path();
  if (keeps)
    if (std::optional<std::vector<DecodedPicture>> found = kept(place, files.size(), size)) return *std::move(found);
  std::vector<DecodedPicture> pictures(files.size());
  const std::int64_t count = std::ssize(files);
  parallel_for(count, std::min(worker_count(count, 0), 16), [&](std::int64_t index, int) {
    const auto i = static_cast<std::size_t>(index);
    try {
      pictures[i] = decode_picture(read_file(files[i].file), files[i].file.string(), size);
    } catch (const InputError& error) {
      pictures[i].missing = error.what();  // it is gone since its bytes were hashed
    }
  });
  if (keeps) keep(pictures, size, place);
  return pictures;
}

DecodedPicture decode_picture(const std::string& content, const std::string& where, int size) {
  DecodedPicture picture;
  Image image;
  try {
    image = with_alpha(decode_png(content, where));
  } catch (const InputError& error) {
    picture.missing = error.what();
    return picture;
  }
  Hasher hasher;
  hasher.number(std::int64_t{image.width}).number(std::int64_t{image.height});
  picture.pixels = hasher.values(std::span<const std::uint8_t>(image.pixels)).hex();
  image = centred_square(std::move(image));
  if (image.width < size) {
    picture.missing = fmt::format("the picture is {} pixels wide, less than the {} asked for", image.width, size);
    return picture;
  }
  picture.cutout = area_resize(image, size, size);
  if (mask_box(take_channel(picture.cutout, 3)) == Box{}) {
    picture.missing = "the picture is transparent all over";
    picture.cutout = {};
  }
  return picture;
}

}  // namespace assay
