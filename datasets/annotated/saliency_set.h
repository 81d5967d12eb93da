#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "datasets/annotated/annotated_images.h"

namespace assay {

/// A published set of images with one foreground mask each, by the folders that its archives unpack to.
struct SaliencySet {
  std::string id;                 // "ecssd"
  std::string images, masks;      // folders inside that of the set
  std::string folder;             // of the set inside what holds several; empty where archives bring none
  std::int64_t published_images;  // how many the whole has
};

/// DUTS (Wang et al. 2017), ECSSD (Shi et al. 2016) and DUT-OMRON (Yang et al. 2013).
const std::vector<SaliencySet>& saliency_sets();

/// A set of this id. `folder` holds its two folders, or the folder that holds them: DUTS-TE/ or what DUTS-TE/ lies in.
/// A number of images other than the published one is noted. Throws InputError for an unknown id, where the folders are
/// not there, saying what is, and as open_image_mask_folders() does.
std::unique_ptr<AnnotatedImages> open_saliency_set(const std::string& id, const std::filesystem::path& folder);

/// Any folder of images with a folder of masks, matched by file name without extension; each may be of any format and
/// mode that read_image_file() reads: 1 bit, palette, grey, grey with alpha, colour, 16 bits. Masks become grey as
/// as_grey() does: of a palette its colours' luma, alpha is dropped. Throws InputError when a folder is missing or
/// holds no image, and where an image has no mask, a mask no image, or a name two files: how many and the first few.
std::unique_ptr<AnnotatedImages> open_image_mask_folders(const std::filesystem::path& images,
                                                         const std::filesystem::path& masks,
                                                         const std::string& name = "folders");

}  // namespace assay
