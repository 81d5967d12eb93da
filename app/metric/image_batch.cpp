#include "app/metric/image_batch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/npz.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

/// A batch of images in the .npz layout of OpenAI's evaluator, read as a stream.
class NpzImages final : public ImageSource {
 public:
  explicit NpzImages(const fs::path& path) : NpzImages(path, NpzFile(path)) {}

  std::int64_t count() const override { return shape_[0]; }
  Image read(std::int64_t index) const override {
    Image image(static_cast<int>(shape_[2]), static_cast<int>(shape_[1]), 3);
    const std::lock_guard lock(mutex_);
    if (!whole_.data.empty()) {
      std::memcpy(image.pixels.data(), whole_.data.data() + static_cast<std::size_t>(index) * image.pixels.size(),
                  image.pixels.size());
      return image;
    }
    if (auto kept = passed_.extract(index)) {
      image.pixels = std::move(kept.mapped());
      return image;
    }
    if (index < next_) {
      stream_.rewind();
      passed_.clear();
      next_ = 0;
    }
    for (; next_ <= index; ++next_) {
      stream_.read(std::as_writable_bytes(std::span(image.pixels)));
      if (next_ < index) passed_[next_] = image.pixels;
    }
    return image;
  }
  std::string hash() const override { return hash_; }

 private:
  NpzImages(const fs::path& path, const NpzFile& file) : path_(path.string()), stream_(file.stream("arr_0")) {
    shape_ = stream_.header().shape;
    if (stream_.header().type != DType::u8 || shape_.size() != 4 || shape_[3] != 3 ||
        !std::all_of(shape_.begin(), shape_.end(), [](std::int64_t side) { return side > 0; }))
      throw InputError(fmt::format("{}: 'arr_0' is {} [{}]; expected U8 [images, height, width, 3]", path_,
                                   name_of(stream_.header().type), fmt::join(shape_, ", ")));
    // An image of a column-major batch lies all over the file.
    if (stream_.header().column_major) whole_ = file.read("arr_0");
    read_labels(file);
    // One pass, so that a damaged file is refused before any network runs.
    Hasher hasher;
    for (const std::int64_t side : shape_) hasher.number(side);
    for (std::int64_t i = 0; i < count(); ++i) {
      stop_if_interrupted();
      const Image image = read(i);
      hasher.bytes(image.pixels.data(), image.pixels.size());
    }
    hash_ = hasher.hex();
  }

  void read_labels(const NpzFile& file) {
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

  std::string path_, hash_;
  std::vector<std::int64_t> shape_;
  NpyArray whole_;
  mutable std::mutex mutex_;
  mutable NpyStream stream_;
  mutable std::int64_t next_ = 0;
  // Images that the stream went past before a slower thread asked for them: fewer than there are threads.
  mutable std::map<std::int64_t, std::vector<std::uint8_t>> passed_;
};

}  // namespace

bool is_image_batch(const fs::path& path) {
  if (path.extension() != ".npz" || fs::is_directory(path)) return false;
  const NpzFile file(path);
  return file.has("arr_0") && !file.has("features") && file.stream("arr_0").header().shape.size() == 4;
}

std::unique_ptr<ImageSource> open_image_batch(const fs::path& path) { return std::make_unique<NpzImages>(path); }

}  // namespace assay
