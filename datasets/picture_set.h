#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/picture_tree.h"

namespace assay {

/// What is said of a picture.
struct PictureText {
  std::string caption;             // one line of UTF-8, not empty
  std::vector<std::string> words;  // words_of_name() of what names the thing shown, for the split
};

/// A data set that is a tree of PNG files with alpha, as a Debian package installs it.
struct PictureSet {
  std::string name;
  std::string help;                 // "the stamps of Tux Paint; install the Debian package ..."
  std::vector<std::string> places;  // where its folder is looked for, in order
  PictureText (*text)(const std::filesystem::path& folder, const TreePicture& picture);
};

/// Opens the pictures of spec.folder, or of the first place there is, without those in the folders `left_out`. Each
/// PNG file is an item or a problem. Its group is the folder directly in the tree's, its subgroup the path of the
/// folder it lies in ("animals/birds/cartoon"). Pictures are cut out, squared and shrunk as read_picture_tree() says
/// and put on the background; the alpha is the mask.
///
/// All in one split: pictures with one variant_key() of their words, wherever they lie; pictures of one subgroup with
/// one caption; pictures with identical pixels; and what these join. The split does not depend on the size.
///
/// The hash covers every file's bytes, the captions, the split, the decoded pixels, the background and its seed.
/// Pictures are decoded when the set is opened (in parallel), or taken from user_picture_cache(), and kept: size * size
/// * 4 bytes each.
///
/// Throws InputError for a missing folder, naming the package, and for one without a picture that can be used.
std::unique_ptr<Dataset> open_picture_set(const PictureSet& set, const DatasetSpec& spec,
                                          const std::vector<std::string>& left_out);

/// What is missing to open it with its default folder; empty when nothing is.
std::string picture_set_missing(const PictureSet& set);

}  // namespace assay
