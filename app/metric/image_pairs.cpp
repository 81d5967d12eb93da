#include "app/metric/image_pairs.h"

#include <fmt/format.h>

#include "images/damaged_images.h"
#include "images/image_file.h"
#include "images/paired_folders.h"

namespace assay {

std::int64_t leave_out_damaged(ImagePairs& matched, int threads) {
  std::vector<ImagePair>& pairs = matched.pairs;
  const auto count = static_cast<std::int64_t>(pairs.size());
  const auto at = [&](std::int64_t i) -> const ImagePair& { return pairs[static_cast<std::size_t>(i)]; };
  std::vector<DamagedImage> damaged = find_damaged("pairs of masks", count, threads, [&](std::int64_t i) {
    read_image_file(at(i).prediction);
    read_image_file(at(i).truth);
  });
  if (damaged.empty()) return 0;
  for (DamagedImage& image : damaged) image.name = at(image.index).stem;
  matched.notes.push_back(damaged_note(fmt::format("{} and {}", matched.predictions.string(), matched.truths.string()),
                                       damaged, count, "pair"));
  for (auto image = damaged.rbegin(); image != damaged.rend(); ++image) pairs.erase(pairs.begin() + image->index);
  return static_cast<std::int64_t>(damaged.size());
}

ImagePairs match_images(const std::filesystem::path& predictions, const std::filesystem::path& truths) {
  const PairedFolders paired = pair_by_stem({predictions, "prediction"}, {truths, "image"});
  ImagePairs out;
  out.predictions = predictions;
  out.truths = truths;
  out.notes = paired.notes;
  out.pairs.reserve(paired.pairs.size());
  for (const PairedFiles& files : paired.pairs) out.pairs.push_back({files.stem, files.first, files.second});
  return out;
}

}  // namespace assay
