#include "app/metric/image_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/metric/image_batch.h"
#include "core/error.h"
#include "core/hash.h"
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
      class_names_.push_back(classes[label].filename().string());
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

}  // namespace

bool holds_images(const fs::path& path) { return fs::is_directory(path) || is_image_batch(path); }

std::unique_ptr<ImageSource> open_images(const fs::path& path) {
  if (!fs::is_directory(path)) return open_image_batch(path);
  return std::make_unique<FolderOfImages>(path);
}

}  // namespace assay
