#include "app/metric/image_pairs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "datasets/image_file.h"

namespace assay {
namespace {

/// "a, b, c and 7 more".
std::string first_few(const std::vector<std::string>& names) {
  const std::size_t shown = std::min<std::size_t>(names.size(), 3);
  const std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<int>(shown), ", "));
  return names.size() > shown ? fmt::format("{} and {} more", text, names.size() - shown) : text;
}

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
  out.pairs.reserve(truth.files.size());
  for (std::size_t i = 0; i < truth.files.size(); ++i)
    out.pairs.push_back({truth.files[i].stem, predicted.files[i].path, truth.files[i].path});
  for (const auto& [folder, listing] : {std::pair{&predictions, &predicted}, std::pair{&truths, &truth}})
    if (listing->others > 0)
      out.notes.push_back(fmt::format("{}: {} other entries are not scored ({})", folder->string(), listing->others,
                                      listing->others == 1 ? listing->first_other : listing->first_other + ", ..."));
  return out;
}

}  // namespace assay
