#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "core/names.h"
#include "datasets/annotated/annotated_images.h"

namespace assay {

/// How VOC's corners, counted from 1 with both ends inside, are understood.
enum class VocCorners {
  half_open,    // xmin and ymin are lowered by 1: pixels from 0, the ends outside. LOST, TokenCut, Detectron
  as_written,   // nothing is lowered
  both_lowered  // all four are lowered by 1, so that a box is a pixel too narrow; supervision 0.29.1 to 0.31.1
};

inline constexpr Names<VocCorners> voc_corner_names = {{"half_open", VocCorners::half_open},
                                                       {"as_written", VocCorners::as_written},
                                                       {"both_lowered", VocCorners::both_lowered}};

struct VocOptions {
  std::string set = "trainval";  // a list of ImageSets/Main, or with its folder: "Segmentation/val"
  VocCorners corners = VocCorners::half_open;
  MaskKind masks = MaskKind::none;  // objects: SegmentationObject/; classes: SegmentationClass/
};

/// PASCAL VOC (Everingham et al. 2010), 2007 to 2012: JPEGImages/, Annotations/*.xml, ImageSets/. `folder` holds these,
/// or is the VOCdevkit/ that holds one such folder.
///
/// All annotations of the list are read at once. Coordinates need not be whole ("45.70") and stay as they are. An
/// annotation without a size, or of 0 x 0, is one of unknown size; boxes that reach outside their image stay as they
/// are, and a note says how many. What an object lacks of `difficult` and `truncated` is 0; boxes of its parts do not
/// count. An image without objects has none.
///
/// Throws InputError naming file and object where a list, an annotation or a mask is missing, a list is one of a class
/// (with a second column), holds no name or one twice, and where an annotation is no XML, has an object without name or
/// box, a corner that is no number, or xmin > xmax.
std::unique_ptr<AnnotatedImages> open_voc(const std::filesystem::path& folder, const VocOptions& options = {});

}  // namespace assay
