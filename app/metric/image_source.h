#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "datasets/image.h"

namespace assay {

/// Images of one set, read by index; reading may be done by several threads at once.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  virtual std::int64_t count() const = 0;
  /// RGB. Grey is repeated, alpha is dropped, 16 bits are rounded to 8 (datasets/image_file.h). Throws InputError
  /// naming the file for an image that is damaged, truncated or of another kind.
  virtual Image read(std::int64_t index) const = 0;
  /// Of each image, without folder and extension; empty where images have no names.
  virtual std::vector<std::string> names() const { return {}; }
  /// Of names, order and bytes.
  virtual std::string hash() const = 0;
  /// Class of each image, or empty.
  const std::vector<std::int64_t>& labels() const { return labels_; }
  /// Name of class k at k, ascending in bytes; empty where labels are numbers and nothing else.
  const std::vector<std::string>& class_names() const { return class_names_; }
  /// Why the source has no labels although it has an array where they stand; a whole line, or empty.
  const std::string& label_fault() const { return label_fault_; }
  /// What was passed over, one line each.
  const std::vector<std::string>& notes() const { return notes_; }

 protected:
  std::vector<std::int64_t> labels_;
  std::vector<std::string> class_names_;
  std::string label_fault_;
  std::vector<std::string> notes_;
};

/// True for a folder, and for a file that holds images (image_batch.h); any other file holds features or statistics.
bool holds_images(const std::filesystem::path& path);

/// The images of a folder in the order of their names (bytes of the stem). A folder without images of its own but with
/// folders is one class each, in the order of their names; then images have labels 0, 1, ... Mixed sizes are
/// accepted, since every protocol resizes each image by itself.
/// Or those of a batch (open_image_batch()).
/// Throws InputError naming folder or file when it is missing, of another kind or holds no image.
std::unique_ptr<ImageSource> open_images(const std::filesystem::path& path);

}  // namespace assay
