#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "images/damaged_images.h"
#include "images/image.h"

namespace assay {

/// Images of one set, read by index; reading may be done by several threads at once.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  virtual std::int64_t count() const = 0;
  /// RGB. Grey is repeated, alpha is dropped, 16 bits are rounded to 8 (images/image_file.h). Throws InputError
  /// naming the file for an image that is damaged, truncated or of another kind.
  virtual Image read(std::int64_t index) const = 0;
  /// Of each image, without extension, and with the folder of its class where there is one: "cat/0". Empty where
  /// images have no names.
  virtual std::vector<std::string> names() const { return {}; }
  /// Of names, order and bytes.
  virtual std::string hash() const = 0;
  /// The same of some of the images, ascending: for a folder what hash() of a folder with these alone is.
  virtual std::string hash_of(std::span<const std::int64_t> images) const;
  /// The images that read() would throw for, in ascending order, found by decoding each. Empty where a damaged file is
  /// refused as a whole, as an .npz is.
  virtual std::vector<DamagedImage> damaged() const { return {}; }
  /// How many images without() has left out.
  std::int64_t skipped() const { return skipped_; }
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
  std::int64_t skipped_ = 0;
};

/// True for a folder, and for a file that holds images (image_batch.h); any other file holds features or statistics.
/// Throws InputError for a single image and for an archive, which hold neither.
bool holds_images(const std::filesystem::path& path);

/// The images of a folder in the order of their names (bytes of the stem). A folder without images of its own but with
/// folders is one class each, in the order of their names; then images have labels 0, 1, ... A folder without images is
/// no class. What is neither an image nor a class is passed over and noted, hidden entries without a word
/// (images/image_folder.h). Mixed sizes are accepted, since every protocol resizes each image by itself.
/// Or those of a batch (open_image_batch()).
/// Throws InputError naming folder or file when it is missing, of another kind or holds no image, and where images lie
/// beside folders of images, since either may be meant.
std::unique_ptr<ImageSource> open_images(const std::filesystem::path& path);

/// The source without some of its images (ascending), which then count in nothing but skipped(); labels keep their
/// classes. `note` says which and why.
std::unique_ptr<ImageSource> without(std::unique_ptr<ImageSource> source, std::span<const std::int64_t> left_out,
                                     const std::string& note);

}  // namespace assay
