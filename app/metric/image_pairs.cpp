#include "app/metric/image_pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "core/phrases.h"
#include "images/damaged_images.h"
#include "images/image_file.h"
#include "images/image_folder.h"

namespace assay {
namespace {

std::vector<std::string> unique_stems(const std::filesystem::path& folder, const ImageFolder& listing) {
  std::vector<std::string> stems, twice;
  stems.reserve(listing.files.size());
  for (const auto& file : listing.files) {
    if (!stems.empty() && stems.back() == file.stem)
      twice.push_back(file.stem);
    else
      stems.push_back(file.stem);
  }
  if (!twice.empty())
    throw InputError(fmt::format("{}: stems of more than one image: {}; expected one file a stem", folder.string(),
                                 first_few(twice)));
  return stems;
}

std::vector<std::string> only_in(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::string> left;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(left));
  return left;
}

}  // namespace

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
  const ImageFolder predicted = list_image_folder(predictions), truth = list_image_folder(truths);
  const auto predicted_stems = unique_stems(predictions, predicted), true_stems = unique_stems(truths, truth);
  const auto missing = only_in(true_stems, predicted_stems), extra = only_in(predicted_stems, true_stems);
  if (!missing.empty() || !extra.empty()) {
    std::string what;
    if (!missing.empty())
      what = fmt::format("{} of {} images in {} have no prediction in {} ({})", missing.size(), true_stems.size(),
                         truths.string(), predictions.string(), first_few(missing));
    if (!extra.empty())
      what +=
          fmt::format("{}{} of {} predictions in {} have no image in {} ({})", what.empty() ? "" : "; ", extra.size(),
                      predicted_stems.size(), predictions.string(), truths.string(), first_few(extra));
    throw InputError(what + "; files are matched by their names without extension");
  }
  ImagePairs out;
  out.predictions = predictions;
  out.truths = truths;
  out.pairs.reserve(truth.files.size());
  for (std::size_t i = 0; i < truth.files.size(); ++i)
    out.pairs.push_back({truth.files[i].stem, predicted.files[i].path, truth.files[i].path});
  for (const auto& [folder, listing] : {std::pair{&predictions, &predicted}, std::pair{&truths, &truth}}) {
    const std::string note = passed_over_note(*folder, *listing);
    if (!note.empty()) out.notes.push_back(note);
  }
  return out;
}

}  // namespace assay
