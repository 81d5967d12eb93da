#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/array_file.h"

namespace assay {

/// Whether this is an array of images: U8 [N, H, W, C] or [N, C, H, W] with 1 to 4 channels, or grey [N, H, W].
bool is_image_array(const ArrayHeader& header);

/// The images of an array in their order, as RGB: grey is repeated, alpha is dropped. Reading takes the memory of one
/// image, unless the file holds the array column-major.
class ImageArray {
 public:
  /// Throws InputError naming file and array where it is of another type or shape, or empty.
  ImageArray(const ArrayFile& file, const std::string& name);

  std::int64_t count() const { return count_; }
  int height() const { return height_; }
  int width() const { return width_; }
  /// The next image, [height, width, 3]. Throws InputError naming file and array where it is damaged or truncated.
  void read(std::span<std::uint8_t> rgb);
  /// Back to the first image.
  void rewind() { stream_.rewind(); }
  /// What was understood of an uncommon shape, one line each.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  ArrayStream stream_;
  std::int64_t count_ = 0;
  int height_ = 0, width_ = 0, channels_ = 0;
  bool channels_first_ = false;
  std::vector<std::uint8_t> stored_;  // one image as the file has it
  std::vector<std::string> notes_;
};

}  // namespace assay
