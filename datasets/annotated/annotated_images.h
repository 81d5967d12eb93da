#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "images/image.h"

namespace assay {

/// xmin, ymin, xmax, ymax in pixels counted from 0, the ends outside: the width is xmax - xmin. The same type as
/// BoxCorners (metrics/masks/corloc.h).
using TrueBox = std::array<double, 4>;

struct AnnotatedObject {
  TrueBox box{};
  std::string category;
  bool difficult = false, truncated = false;  // VOC
  bool crowd = false;                         // COCO: a region of many objects
};

struct AnnotatedImage {
  std::string id;               // file name without folder and extension, unique in the set
  std::filesystem::path image;  // not looked at before image() is called
  std::filesystem::path mask;   // empty where the set has none as a file
  int width = 0, height = 0;    // as the annotation says; 0 where it does not
  std::vector<AnnotatedObject> objects;
};

/// What the values of mask() mean.
enum class MaskKind {
  none,        // the set has no masks
  foreground,  // grey: how much a pixel belongs to the object; most files hold 0 and 255, and some smooth edges between
  objects,     // 0 background, 255 void, else number of the object from 1
  classes      // 0 background, 255 void, else number of the class
};

/// A published set of images of any size with masks or boxes, read from the folders in which it is published. Items are
/// ascending by id. Everything is const and may be called from several threads at once; pixels are decoded when asked
/// for.
class AnnotatedImages {
 public:
  virtual ~AnnotatedImages() = default;

  /// "ecssd", "voc", ...
  const std::string& name() const { return name_; }
  const std::vector<AnnotatedImage>& items() const { return items_; }
  MaskKind mask_kind() const { return mask_kind_; }
  /// Files that were passed over and what is odd about the annotations, one line each.
  const std::vector<std::string>& notes() const { return notes_; }

  /// RGB, as read_image_file() and as_rgb() give it. Throws InputError naming the file when it cannot be read, and when
  /// it has another size than its annotation says; Error unless 0 <= index < items().size().
  Image image(std::int64_t index) const;
  /// 1 channel, of the size of the mask, which may be another than the image's: scores are taken at the mask's size,
  /// and predictions are brought to it. What the values mean, mask_kind() says. Throws InputError naming the file when
  /// it cannot be read; Error where the set has no masks, and as image() does.
  virtual Image mask(std::int64_t index) const;

 protected:
  explicit AnnotatedImages(std::string name) : name_(std::move(name)) {}
  const AnnotatedImage& item(std::int64_t index) const;

  std::string name_;
  std::vector<AnnotatedImage> items_;
  MaskKind mask_kind_ = MaskKind::none;
  std::vector<std::string> notes_;
};

/// From which grey on a pixel of a true mask is foreground.
enum class ForegroundRule {
  above_zero,  // TokenCut and what follows it: smooth edges are foreground
  above_128    // PySODMetrics
};

/// 1 where a mask of one channel is foreground, else 0. Masks of 16 bits were rounded to 8 before: what rounds to 0 is
/// background under either rule.
Image binary_mask(const Image& mask, ForegroundRule rule);

/// Which boxes count, and how. LOST, and TokenCut after it, take VOC's as they are, or without the hard ones
/// ("no_hard"), and round COCO's. A region of many objects is no box under either.
struct BoxRule {
  bool drop_hard = false;  // difficult and truncated ones
  bool round = false;      // halves to even, as Python's round()
};

/// The boxes of an image that count, in the order of its objects, and how many do not.
struct CountedBoxes {
  std::vector<TrueBox> boxes;
  std::int64_t hard = 0;  // difficult or truncated, dropped or not
  std::int64_t crowds = 0;
};
CountedBoxes counted_boxes(const AnnotatedImage& image, const BoxRule& rule);

}  // namespace assay
