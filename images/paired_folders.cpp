#include "images/paired_folders.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "core/phrases.h"
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

PairedFolders pair_by_stem(const NamedFolder& first, const NamedFolder& second) {
  const ImageFolder one = list_image_folder(first.folder), other = list_image_folder(second.folder);
  const auto stems = unique_stems(first.folder, one), other_stems = unique_stems(second.folder, other);
  const auto missing = only_in(other_stems, stems), extra = only_in(stems, other_stems);
  if (!missing.empty() || !extra.empty()) {
    std::string what;
    if (!missing.empty())
      what = fmt::format("{} of {} {}s in {} have no {} in {} ({})", missing.size(), other_stems.size(), second.noun,
                         second.folder.string(), first.noun, first.folder.string(), first_few(missing));
    if (!extra.empty())
      what += fmt::format("{}{} of {} {}s in {} have no {} in {} ({})", what.empty() ? "" : "; ", extra.size(),
                          stems.size(), first.noun, first.folder.string(), second.noun, second.folder.string(),
                          first_few(extra));
    throw InputError(what + "; files are matched by their names without extension");
  }
  PairedFolders out;
  out.pairs.reserve(other.files.size());
  for (std::size_t i = 0; i < other.files.size(); ++i)
    out.pairs.push_back({other.files[i].stem, one.files[i].path, other.files[i].path});
  for (const auto& [folder, listing] : {std::pair{&first.folder, &one}, std::pair{&second.folder, &other}}) {
    const std::string note = passed_over_note(*folder, *listing);
    if (!note.empty()) out.notes.push_back(note);
  }
  return out;
}

}  // namespace assay
