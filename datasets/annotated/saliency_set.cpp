#include "datasets/annotated/saliency_set.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/nearest.h"
#include "core/phrases.h"
#include "images/image_folder.h"
#include "images/paired_folders.h"

namespace assay {
namespace {

class FolderPair : public AnnotatedImages {
 public:
  FolderPair(const std::string& name, const std::filesystem::path& images, const std::filesystem::path& masks)
      : AnnotatedImages(name) {
    const PairedFolders paired = pair_by_stem({masks, "mask"}, {images, "image"});
    mask_kind_ = MaskKind::foreground;
    notes_ = paired.notes;
    items_.reserve(paired.pairs.size());
    for (const PairedFiles& files : paired.pairs) {
      AnnotatedImage item;
      item.id = files.stem;
      item.image = files.second;
      item.mask = files.first;
      items_.push_back(std::move(item));
    }
  }

  /// Says so where the whole of a published set is more or fewer images.
  void compare_with_published(const SaliencySet& set) {
    const auto count = static_cast<std::int64_t>(items_.size());
    if (count != set.published_images)
      notes_.push_back(
          fmt::format("{}: {}, and the published set has {}", set.id, counted(count, "image"), set.published_images));
  }
};

}  // namespace

const std::vector<SaliencySet>& saliency_sets() {
  static const std::vector<SaliencySet> table = {
      {"duts-tr", "DUTS-TR-Image", "DUTS-TR-Mask", "DUTS-TR", 10553},
      {"duts-te", "DUTS-TE-Image", "DUTS-TE-Mask", "DUTS-TE", 5019},
      {"ecssd", "images", "ground_truth_mask", "ECSSD", 1000},
      {"dut-omron", "DUT-OMRON-image", "pixelwiseGT-new-PNG", "DUT-OMRON", 5168},
  };
  return table;
}

std::unique_ptr<AnnotatedImages> open_saliency_set(const std::string& id, const std::filesystem::path& folder) {
  const SaliencySet& set = find_named(saliency_sets(), &SaliencySet::id, "saliency set", id);
  const ImageFolder listing = read_image_folder(folder);
  for (const std::filesystem::path& root : {folder, folder / set.folder}) {
    if (!std::filesystem::is_directory(root / set.images) || !std::filesystem::is_directory(root / set.masks)) continue;
    auto opened = std::make_unique<FolderPair>(set.id, root / set.images, root / set.masks);
    opened->compare_with_published(set);
    return opened;
  }
  throw InputError(fmt::format("{}: expected the folders {} and {} of {}, or {} that holds them{}", folder.string(),
                               set.images, set.masks, set.id, set.folder,
                               found_instead(listing.passed_over(), listing.hidden)));
}

std::unique_ptr<AnnotatedImages> open_image_mask_folders(const std::filesystem::path& images,
                                                         const std::filesystem::path& masks, const std::string& name) {
  return std::make_unique<FolderPair>(name, images, masks);
}

}  // namespace assay
