#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "core/names.h"
#include "datasets/annotated/annotated_images.h"
#include "reproductions/diffusion_seg/mask_scores.h"
#include "reproductions/method.h"
#include "reproductions/plan.h"

/// The published sets on which tier `paper` looks for objects.
namespace assay::diffusion_seg {

/// How a set lies in its folder.
///   saliency  the folders of one of saliency_sets(); masks are scored
///   voc       PASCAL VOC, list trainval; boxes are
///   coco20k   instances_train2014.json, LOST's coco_20k_filenames.txt and train2014/; boxes are
enum class PhotographKind { saliency, voc, coco20k };
inline constexpr Names<PhotographKind> photograph_kind_names = {
    {"saliency", PhotographKind::saliency}, {"voc", PhotographKind::voc}, {"coco20k", PhotographKind::coco20k}};

struct PhotographSet {
  std::string name;
  PhotographKind kind = PhotographKind::saliency;
  std::string id;  // of a saliency set
  std::int64_t published_images = 0;
  NeededFile folder;
};

/// Reads {"kind", "id", "images", "folder", "official", "from"} at `sets.NAME`. Throws InputError.
PhotographSet read_photograph_set(const nlohmann::json& object, const std::string& name);

/// Throws InputError as the readers in datasets/annotated/ do.
std::unique_ptr<AnnotatedImages> open_photographs(const PhotographSet& set);

/// An RGB image, or a mask as grey of three channels, at side x side pixels: [1, 3, side, side] uint8, bicubic with
/// antialiasing, rounded and clamped.
at::Tensor squared(const Image& image, std::int64_t side);

/// What an arm makes of a photograph: a map [height, width] uint8 of the size at which it is scored, soft or hard.
using MapOfPhotograph = std::function<at::Tensor(const Image& photograph, std::int64_t height, std::int64_t width)>;

/// An arm of tier `paper`.
struct PhotographArm {
  std::string name;
  bool altered = false;  // whether the configuration is another than the tier's: its scores then say so

  std::string scored() const { return altered ? name + " (altered)" : name; }
};

/// How a set is gone through.
struct PhotographScoring {
  std::int64_t most = 0;    // the first so many alone; 0: all
  std::int64_t shard = 50;  // maps that a kill can cost
  Resampling resampling;
};

/// What an arm finds in the photographs of a set. Maps are made in stages "maps:SET:ARM:FIRST" and lie as
/// maps/SET/ARM/ID.png among the run's artifacts, at the size of the true mask, or of the photograph where boxes are
/// true; stage "score:SET:ARM" reads them: `iou`, `accuracy`, `max_f` (soft, and of the map cut at one half with params
/// {"map": "hard"}) and `boundary_f`, or `corloc` of the box around the largest 4-connected piece above one half, all
/// with params {"set": NAME}. ARM is the name, altered or not. Photographs without a true pixel or a box that counts
/// are left out, with a note. Returns
/// {"iou"} or {"corloc"}, a value a photograph.
nlohmann::json score_photographs(Run& run, const PhotographSet& set, const PhotographArm& arm,
                                 const MapOfPhotograph& map, const PhotographScoring& how);

}  // namespace assay::diffusion_seg
