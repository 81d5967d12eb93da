#include "app/metric/image_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/hash.h"
#include "core/npz.h"
#include "datasets/image_file.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory() && !entry.path().filename().string().starts_with('.')) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

bool is_image(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

class FolderOfImages : public ImageSource {
 public:
  explicit FolderOfImages(const fs::path& root) : root_(root) {
    const auto entries = fs::directory_iterator(root);
    const bool own = std::any_of(begin(entries), end(entries), [](const fs::directory_entry& entry) {
      return entry.is_regular_file() && is_image(entry.path());
    });
    const auto classes = own ? std::vector<fs::path>() : folders_in(root);
    if (classes.empty()) {
      add(root);
      return;
    }
    for (std::size_t label = 0; label < classes.size(); ++label) {
      add(classes[label]);
      labels_.resize(files_.size(), static_cast<std::int64_t>(label));
    }
    notes_.push_back(fmt::format("{}: {} classes, one a folder", root.string(), classes.size()));
  }

  std::int64_t count() const override { return static_cast<std::int64_t>(files_.size()); }
  Image read(std::int64_t index) const override {
    return as_rgb(read_image_file(files_.at(static_cast<std::size_t>(index))));
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> stems;
    stems.reserve(files_.size());
    for (const fs::path& file : files_) stems.push_back(file.stem().string());
    return stems;
  }
  std::string hash() const override {
    Hasher hasher;
    hasher.number(count());
    for (const fs::path& file : files_) hasher.text(fs::relative(file, root_).string()).text(hash_file(file));
    return hasher.hex();
  }

 private:
  void add(const fs::path& folder) {
    const ImageFolder listed = list_image_folder(folder);
    files_.reserve(files_.size() + listed.files.size());
    for (const ImageFolder::File& file : listed.files) files_.push_back(file.path);
    if (listed.others > 0)
      notes_.push_back(fmt::format("{}: {} other entries passed over, among them {}", folder.string(), listed.others,
                                   listed.first_other));
  }

  fs::path root_;
  std::vector<fs::path> files_;
};

/// A batch of images in the .npz layout of OpenAI's evaluator.
class NpzImages : public ImageSource {
 public:
  explicit NpzImages(const fs::path& path) : path_(path.string()) {
    const NpzFile file(path);
    images_ = file.read("arr_0");
    if (!is_image_batch(images_))
      throw InputError(fmt::format("{}: 'arr_0' is {} [{}]; expected U8 [images, height, width, 3]", path_,
                                   name_of(images_.type), fmt::join(images_.shape, ", ")));
    for (const char* name : {"labels", "arr_1"}) {
      if (!file.has(name) || !labels_.empty()) continue;
      const NpyArray array = file.read(name);
      if (array.type != DType::i64 || array.shape != std::vector<std::int64_t>{count()})
        throw InputError(fmt::format("{}: '{}' is {} [{}]; expected one I64 label for each of {} images", path_, name,
                                     name_of(array.type), fmt::join(array.shape, ", "), count()));
      const auto values = array.view().i64(name);
      labels_.assign(values.begin(), values.end());
    }
  }

  static bool is_image_batch(const NpyArray& array) {
    return array.type == DType::u8 && array.shape.size() == 4 && array.shape[3] == 3 &&
           std::all_of(array.shape.begin(), array.shape.end(), [](std::int64_t side) { return side > 0; });
  }

  std::int64_t count() const override { return images_.shape[0]; }
  Image read(std::int64_t index) const override {
    Image image(static_cast<int>(images_.shape[2]), static_cast<int>(images_.shape[1]), 3);
    std::memcpy(image.pixels.data(), images_.data.data() + static_cast<std::size_t>(index) * image.pixels.size(),
                image.pixels.size());
    return image;
  }
  std::string hash() const override {
    Hasher hasher;
    for (const std::int64_t side : images_.shape) hasher.number(side);
    return hasher.bytes(images_.data.data(), images_.data.size()).hex();
  }

 private:
  std::string path_;
  NpyArray images_;
};

}  // namespace

bool holds_images(const fs::path& path) {
  if (path.extension() != ".npz" || fs::is_directory(path)) return fs::is_directory(path);
  const NpzFile file(path);
  return file.has("arr_0") && !file.has("features") && file.read("arr_0").shape.size() == 4;
}

std::unique_ptr<ImageSource> open_images(const fs::path& path) {
  if (path.extension() == ".npz" && fs::is_regular_file(path)) return std::make_unique<NpzImages>(path);
  if (!fs::is_directory(path))
    throw InputError(
        fmt::format("{}: expected a folder of PNG and JPEG images, or an .npz batch of images", path.string()));
  return std::make_unique<FolderOfImages>(path);
}

}  // namespace assay
