#include "datasets/photographs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/nearest.h"
#include "core/parallel.h"
#include "images/area_resize.h"
#include "images/image_file.h"
#include "images/image_folder.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

const std::string setting = "photographs";
const std::string help = "photographs for backgrounds; install the Debian package mate-backgrounds";

/// The first place that is a folder, or an empty string.
std::string installed_folder() {
  for (const std::string& place : photographs_places()) {
    std::error_code code;
    if (fs::is_directory(place, code)) return place;
  }
  return "";
}

/// The folder that the setting names; empty where it names none.
std::string asked_folder(const std::string& background) {
  return background.size() > setting.size() ? background.substr(setting.size() + 1) : "";
}

fs::path folder_of(const std::string& background, const std::string& where) {
  const std::string asked = asked_folder(background), folder = asked.empty() ? installed_folder() : asked;
  std::error_code code;
  if (!asked.empty() && !fs::is_directory(asked, code))
    throw InputError(fmt::format("{}: {}: no such folder; expected one of photographs", where, asked));
  if (folder.empty())
    throw InputError(fmt::format("{}: missing {}, or give a folder as photographs:FOLDER (looked for {})", where, help,
                                 join(photographs_places())));
  return folder;
}

std::vector<fs::path> images_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& path = entry.path();
    if (has_image_extension(path) && !is_hidden_entry(path.filename().string())) files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// An image and the hash of its file, or why it is of no use.
struct Photograph {
  std::string bytes;
  Image image;
  std::string missing;
};

/// The shorter side is `side` at most.
Image shrunk_to(Image image, int side) {
  const int shorter = std::min(image.width, image.height);
  if (shorter <= side) return image;
  const auto scaled = [&](int length) {
    return static_cast<int>((2 * std::int64_t{length} * side + shorter) / (2 * std::int64_t{shorter}));
  };
  return area_resize(image, scaled(image.width), scaled(image.height));
}

Photograph read_photograph(const fs::path& file, int size) {
  Photograph photograph;
  try {
    const std::string content = read_file(file);
    photograph.bytes = hash_text(content);
    Image image = as_rgb(decode_image(content, file.string()));
    if (std::min(image.width, image.height) < size)
      photograph.missing =
          fmt::format("{} x {} pixels, fewer than the {} asked for on a side", image.width, image.height, size);
    else
      photograph.image = shrunk_to(std::move(image), 4 * size);
  } catch (const InputError& error) {
    photograph.missing = error.what();
  }
  return photograph;
}

Image mirrored(const Image& image) {
  Image result(image.width, image.height, image.channels);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      std::copy_n(image.at(image.width - 1 - x, y), image.channels, result.at(x, y));
  return result;
}

}  // namespace

bool names_photographs(const std::string& background) {
  return background == setting || background.starts_with(setting + ":");
}

std::string photographs_missing(const std::string& background) {
  if (!names_photographs(background) || !asked_folder(background).empty()) return "";
  return installed_folder().empty() ? help : "";
}

const std::vector<std::string>& photographs_places() {
  static const std::vector<std::string> places{"/usr/share/backgrounds/mate/nature",
                                               "/usr/local/share/backgrounds/mate/nature"};
  return places;
}

Photographs::Photographs(const std::string& background, int size, const std::string& where) : size_(size) {
  const fs::path folder = folder_of(background, where);
  const std::vector<fs::path> files = images_in(folder);
  std::vector<Photograph> read(files.size());
  const auto count = static_cast<std::int64_t>(files.size());
  // Each thread may hold an image of max_decoded_bytes.
  parallel_for(count, std::min(worker_count(count, 0), 4), [&](std::int64_t i, int) {
    const auto at = static_cast<std::size_t>(i);
    read[at] = read_photograph(files[at], size);
  });
  // By the hash of the bytes, so that a name moves nothing.
  std::map<std::string, Image> images;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string name = "background " + files[i].filename().string();
    if (!read[i].missing.empty())
      problems_.push_back({name, read[i].missing});
    else if (!images.emplace(read[i].bytes, std::move(read[i].image)).second)
      problems_.push_back({name, "has the bytes of another photograph"});
  }
  if (images.size() < 2)
    throw InputError(
        fmt::format("{}: {}: {} of its {} images can be used as background{}; accepted: at least 2, one "
                    "for training and one held out",
                    where, folder.string(), images.size(), files.size(),
                    problems_.empty() ? "" : " (the first problem: " + problems_.front().what + ")"));
  const std::size_t for_training = images.size() - (images.size() + 4) / 5;
  Hasher hasher;
  for (auto& [bytes, image] : images) {
    hasher.text(bytes).values(std::span<const std::uint8_t>(image.pixels));
    (train_.size() < for_training ? train_ : held_out_).push_back(std::move(image));
  }
  hash_ = hasher.hex();
}

std::int64_t Photographs::count(Split split) const { return static_cast<std::int64_t>(of(split).size()); }

Image Photographs::crop(Split split, RandomStream& random) const {
  const auto below = [&](int bound) { return static_cast<int>(random.below(static_cast<std::uint64_t>(bound))); };
  const std::vector<Image>& images = of(split);
  const Image& image = images[static_cast<std::size_t>(below(static_cast<int>(images.size())))];
  const int side = size_ + below(std::min(image.width, image.height) - size_ + 1);
  const int left = below(image.width - side + 1), top = below(image.height - side + 1);
  Image square(side, side, 3);
  for (int y = 0; y < side; ++y) std::copy_n(image.at(left, top + y), 3 * side, square.at(0, y));
  square = area_resize(square, size_, size_);
  return random.below(2) == 0 ? square : mirrored(square);
}

}  // namespace assay
