#include "datasets/picture_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/nearest.h"
#include "datasets/captions.h"
#include "datasets/cutout_set.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

/// The first place that is a folder, or an empty string.
std::string first_of(const std::vector<std::string>& places) {
  const auto it = std::find_if(places.begin(), places.end(), [](const std::string& place) {
    std::error_code code;
    return fs::is_directory(place, code);
  });
  return it == places.end() ? "" : *it;
}

fs::path folder_of(const PictureSet& set, const std::string& asked) {
  std::error_code code;
  if (!asked.empty() && !fs::is_directory(asked, code))
    throw InputError(fmt::format("{}.folder: {}: no such folder; expected {}", set.name, asked, set.help));
  fs::path folder = asked.empty() ? first_of(set.places) : asked;
  if (folder.empty())
    throw InputError(fmt::format("{}: missing {}, or give its folder as `folder` (looked for {})", set.name, set.help,
                                 join(set.places)));
  return folder;
}

/// Names of folders in the order of their first picture.
class Names {
 public:
  int index(const std::string& name) {
    const auto it = std::find(names_.begin(), names_.end(), name);
    if (it != names_.end()) return static_cast<int>(it - names_.begin());
    names_.push_back(name);
    return static_cast<int>(names_.size()) - 1;
  }
  std::vector<std::string> take() { return std::move(names_); }

 private:
  std::vector<std::string> names_;
};

/// Stems of files, "animals-birds-owl" of "animals/birds/owl", none twice.
class Stems {
 public:
  std::string of(const std::string& path) {
    // A name of a file may have 255 bytes, with an ending.
    std::string stem = path.substr(0, std::min<std::size_t>(path.size(), 200));
    for (char& c : stem) {
      const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
      if (!kept) c = c == '/' ? '-' : '_';
    }
    std::string unique = stem;
    for (int copy = 2; !taken_.insert(unique).second; ++copy) unique = fmt::format("{}-{}", stem, copy);
    return unique;
  }

 private:
  std::set<std::string> taken_;
};

/// A random stream for the background that stays whatever other pictures there are.
std::uint64_t stream_of(const std::string& path) { return std::stoull(hash_text(path).substr(0, 16), nullptr, 16); }

}  // namespace

std::unique_ptr<Dataset> open_picture_set(const PictureSet& set, const DatasetSpec& spec,
                                          const std::vector<std::string>& left_out) {
  Cutouts cutouts(set.name, spec);
  const fs::path folder = folder_of(set, spec.folder);
  PictureTree tree = read_picture_tree(folder, spec.size, left_out, user_picture_cache());
  if (tree.pictures.empty())
    throw InputError(fmt::format("{}: no PNG file in its folders; expected {}", folder.string(), set.help));
  cutouts.problems = std::move(tree.problems);

  std::vector<PictureText> texts;
  std::vector<std::vector<std::string>> marks;
  texts.reserve(tree.pictures.size());
  marks.reserve(tree.pictures.size());
  for (const TreePicture& picture : tree.pictures) {
    texts.push_back(set.text(folder, picture));
    const std::string key = variant_key(texts.back().words);
    // A key has no '/': no mark of one kind is taken for one of another.
    marks.push_back({key.empty() ? "/path/" + picture.path : key,
                     "/caption/" + picture.path.substr(0, picture.path.rfind('/') + 1) + texts.back().caption});
    if (!picture.pixels.empty()) marks.back().push_back("/pixels/" + picture.pixels);
  }
  const std::vector<std::string> keys = joined_keys(marks);

  Names groups, subgroups;
  Stems stems;
  Hasher hasher;
  hasher.text(set.name + "/1").number(std::int64_t{spec.size}).number(static_cast<std::int64_t>(spec.seed));
  hasher.text(background_names()[static_cast<std::size_t>(cutouts.background)]);
  for (std::size_t i = 0; i < tree.pictures.size(); ++i) {
    TreePicture& picture = tree.pictures[i];
    const Split split = split_by_hash(keys[i]);
    // The decoded pixels too, so that another decoder or another resize gives another id.
    hasher.text(picture.path).text(picture.bytes).text(texts[i].caption).text(name_of(split));
    hasher.values(std::span<const std::uint8_t>(picture.cutout.pixels));
    const std::string stem = stems.of(picture.path);
    if (!picture.missing.empty()) {
      cutouts.problems.push_back({fmt::format("{} ({})", picture.path, texts[i].caption), picture.missing});
      continue;
    }
    cutouts.items.push_back({stem, texts[i].caption, groups.index(picture.path.substr(0, picture.path.find('/'))),
                             subgroups.index(picture.path.substr(0, picture.path.rfind('/'))), split});
    cutouts.images.push_back(std::move(picture.cutout));
    cutouts.streams.push_back(stream_of(picture.path));
  }
  if (cutouts.items.empty())
    throw InputError(fmt::format("{}: none of the {} pictures can be used; the first: {}", folder.string(),
                                 tree.pictures.size(), tree.pictures.front().missing));
  cutouts.groups = groups.take();
  cutouts.subgroups = subgroups.take();
  cutouts.hash = hasher.hex();
  return make_cutout_set(std::move(cutouts));
}

std::string picture_set_missing(const PictureSet& set) { return first_of(set.places).empty() ? set.help : ""; }

}  // namespace assay
