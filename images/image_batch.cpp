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

/// Of count, size and pixels of images of one size as RGB, in whatever layout their source holds them.
std::string hash_of_pixels(const ImageSource& images, int height, int width) {
  Hasher hasher;
  hasher.number(images.count()).number(std::int64_t{height}).number(std::int64_t{width}).number(std::int64_t{3});
  for (std::int64_t i = 0; i < images.count(); ++i) {
    stop_if_interrupted();
    const Image image = images.read(i);
    hasher.bytes(image.pixels.data(), image.pixels.size());
  }
  return hasher.hex();
}

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
    // One pass, so that a damaged file is refused before any network runs.
    hash_ = hash_of_pixels(*this, images_.height(), images_.width());
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

class ImagesInMemory final : public ImageSource {
 public:
  ImagesInMemory(std::span<const std::uint8_t> planes, int height, int width)
      : planes_(planes), height_(height), width_(width) {
    if (planes.empty() || height < 1 || width < 1 || planes.size() % (3 * plane()) != 0)
      throw Error(
          fmt::format("images in memory: {} bytes; expected images of 3 x {} x {}", planes.size(), height, width));
  }

  std::int64_t count() const override { return static_cast<std::int64_t>(planes_.size() / (3 * plane())); }
  Image read(std::int64_t index) const override {
    Image image(width_, height_, 3);
    const auto planes = planes_.subspan(3 * plane() * static_cast<std::size_t>(index), 3 * plane());
    for (std::size_t p = 0; p < plane(); ++p)
      for (std::size_t c = 0; c < 3; ++c) image.pixels[3 * p + c] = planes[c * plane() + p];
    return image;
  }
  std::string hash() const override { return hash_of_pixels(*this, height_, width_); }

 private:
  std::size_t plane() const { return static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_); }

  std::span<const std::uint8_t> planes_;
  int height_, width_;
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

std::unique_ptr<ImageSource> images_in_memory(std::span<const std::uint8_t> planes, int height, int width) {
  return std::make_unique<ImagesInMemory>(planes, height, width);
}

}  // namespace assay
