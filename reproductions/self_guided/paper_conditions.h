#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "diffusion/condition.h"
#include "reproductions/plan.h"
#include "reproductions/self_guided/algorithm/segmentation.h"

namespace assay {
class ArrayFile;
}

namespace assay::self_guided::paper {

/// What the conditions of a training set are and where they are read from, arrays of any numeric type in a safetensors
/// or NumPy file:
///   ids        `ids` [N]: the class or cluster of every training image; a one-hot vector
///   multi_hot  `classes` [N, size]: which classes every image shows
///   boxes      `ids` as above, `boxes` [N, 4] (xmin, ymin, xmax, ymax, the latter two excluded) and `sizes` [N, 2]
///              (height, width): one-hot and a box as layout
///   masks      a text file, a line `STEM,HEIGHT,WIDTH` an image, and a folder of cluster maps STEM.png
///              (segmentation.h): multi-hot of the clusters that occur, and their map as layout
struct ConditionSource {
  enum class Kind { none, ids, multi_hot, boxes, masks };
  Kind kind = Kind::none;
  NeededFile file;   // arrays, or the list of images
  NeededFile masks;  // the folder

  std::vector<NeededFile> files() const;
};

/// Reads {"kind", "file", "masks", "from"}, relative to `folder`. Throws InputError.
ConditionSource read_condition_source(const nlohmann::json& object, const std::string& where,
                                      const std::filesystem::path& folder);

/// The conditions that samples are drawn under: each that of a training image drawn at random, as SGDM's published code
/// takes them from its shuffled training loader, never uniform over clusters.
class PaperConditions {
 public:
  /// `size`: width of the vector; `layout_channels` and `side`: of the layout, 0 channels for none. Reads everything
  /// but masks, which are only checked. Throws InputError naming the file: ids out of range, shapes that do not fit,
  /// boxes that leave their image, masks as read_cluster_maps().
  PaperConditions(const ConditionSource& source, std::int64_t size, std::int64_t layout_channels, std::int64_t side);

  /// Of samples [first, first + count); sample i draws image and crop from a stream of its own. A layout is shown under
  /// the loader's crop: the shorter side enlarged by a factor of U(1.05, 1.25), then a square window of its old length,
  /// to side x side by the nearest pixel. Undefined where the source is `none`.
  Condition draw(std::uint64_t seed, std::int64_t first, std::int64_t count) const;

  std::int64_t images() const { return images_; }

 private:
  void read_ids(const ArrayFile& file);
  void read_boxes(const ArrayFile& file);
  void read_masks();

  ConditionSource source_;
  std::int64_t size_, layout_channels_, side_, images_ = 0;
  std::vector<std::int64_t> ids_, boxes_, sizes_;
  at::Tensor classes_;  // [N, size]
  std::vector<NamedSize> named_;
};

}  // namespace assay::self_guided::paper
