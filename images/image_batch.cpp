#include "images/image_batch.h"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <utility>

#include "core/array_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "images/image_array.h"
#include "images/label_array.h"
#include "images/set_layout.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

/// A batch of images in one array, read as a stream.
class BatchOfImages final : public ImageSource {
 public:
  BatchOfImages(const ArrayFile& file, const SetLayout& layout) : images_(file, layout.images) {
    notes_ = layout.notes;
    notes_.insert(notes_.end(), images_.notes().begin(), images_.notes().end());
    if (!layout.labels.empty()) {
      LabelArray labels = read_labels(file, layout.labels, count());
      labels_ = std::move(labels.labels);
      class_names_ = std::move(labels.class_names);
      label_fault_ = std::move(labels.fault);
      notes_.insert(notes_.end(), labels.notes.begin(), labels.notes.end());
      if (!label_fault_.empty()) notes_.push_back(label_fault_ + "; it was not used");
    }
    // One pass, so that a damaged file is refused before any network runs. The hash is that of the images as RGB, in
    // whatever layout the file has them.
    Hasher hasher;
    hasher.number(count()).number(std::int64_t{images_.height()}).number(std::int64_t{images_.width()});
    hasher.number(std::int64_t{3});
    for (std::int64_t i = 0; i < count(); ++i) {
      stop_if_interrupted();
      const Image image = read(i);
      hasher.bytes(image.pixels.data(), image.pixels.size());
    }
    hash_ = hasher.hex();
  }

  std::int64_t count() const override { return images_.count(); }
  Image read(std::int64_t index) const override {
    Image image(images_.width(), images_.height(), 3);
    const std::lock_guard lock(mutex_);
    if (auto kept = passed_.extract(index)) {
      image.pixels = std::move(kept.mapped());
      return image;
    }
    if (index < next_) {
      images_.rewind();
      passed_.clear();
      next_ = 0;
    }
    for (; next_ <= index; ++next_) {
      images_.read(image.pixels);
      if (next_ < index) passed_[next_] = image.pixels;
    }
    return image;
  }
  std::string hash() const override { return hash_; }

 private:
  std::string hash_;
  mutable std::mutex mutex_;
  mutable ImageArray images_;
  mutable std::int64_t next_ = 0;
  // Images that the stream went past before a slower thread asked for them: fewer than there are threads.
  mutable std::map<std::int64_t, std::vector<std::uint8_t>> passed_;
};

}  // namespace

bool is_image_batch(const fs::path& path) {
  return !fs::is_directory(path) && !find_layout(ArrayFile(path)).images.empty();
}

std::unique_ptr<ImageSource> open_image_batch(const fs::path& path) {
  const ArrayFile file(path);
  const SetLayout layout = find_layout(file);
  if (layout.images.empty())
    throw InputError(fmt::format(
        "{}: holds {}; expected a folder of images, or a batch of them, U8 [images, height, width, channels]",
        path.string(), contents_of(file)));
  return std::make_unique<BatchOfImages>(file, layout);
}

}  // namespace assay
