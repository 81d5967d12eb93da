#pragma once
#include <filesystem>
#include <memory>

#include "datasets/annotated/annotated_images.h"
#include "images/run_lengths.h"

namespace assay {

struct CocoOptions {
  /// Names of the images to take, one a line, with folders or without: "train2014/COCO_train2014_000000000009.jpg" as
  /// in LOST's coco_20k_filenames.txt, or the last part alone. Empty: all of the file.
  std::filesystem::path list = {};
  std::filesystem::path images = {};  // folder of the image files, for image()
  bool masks = false;                 // outlines are kept, for mask() and object_mask()
};

/// Objects with boxes and outlines of a COCO file ("instances").
class CocoImages : public AnnotatedImages {
 public:
  /// The mask of one object of an item, of the item's size: its polygons joined, or its runs. Throws InputError naming
  /// file and annotation where its outline is none; Error where outlines were not kept, or there is no such object.
  virtual RunLengths object_mask(std::int64_t index, std::int64_t object) const = 0;

 protected:
  using AnnotatedImages::AnnotatedImages;
};

/// Reads a COCO instances file (Lin et al. 2014). Boxes x, y, w, h become corners, not rounded; what the file says of
/// `area` is not looked at, and may be missing. mask() is the union of an image's objects, crowds among them, as 0 and
/// 255.
///
/// The file is mapped and read in one pass, one annotation at a time being in memory as JSON. What stays is a few
/// hundred bytes an object, and with outlines 8 bytes a coordinate; of the images of the list alone where the file
/// names its images first, as the published ones do.
///
/// Throws InputError naming file and annotation: no JSON, no lists `images` and `annotations`, an image without id or
/// name, an id or a name twice, an annotation of an unknown image or category, without category or box, a box that is
/// not four finite numbers, of negative size or with a corner that is not finite, an image larger than any that is
/// read, iscrowd other than 0 and 1; and where a name of the list is twice there or not in the file, how many and the
/// first few.
std::unique_ptr<CocoImages> open_coco(const std::filesystem::path& file, const CocoOptions& options = {});

}  // namespace assay
