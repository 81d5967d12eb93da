#pragma once
#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace assay {

/// The Open Clip Art Library (Debian: openclipart-png): drawings, flags, icons and shapes with alpha;
/// open_picture_set() says how they become items. Many lie in several folders, by links, and are an item in each; all
/// of them are in one split.
///
/// The caption is the title in the file where it is the picture's own, as the name of the file shows: the name begins
/// with the title, or a name of at least twelve letters is the title's beginning (letters and digits alone, the number
/// at the end of the name aside), or they share two words of at least three letters. Most other titles name a
/// collection ("Lemon SVG theme") or another picture. Then, or where there is no title, the caption is the words of the
/// file's name, without those of the author named in the file at its end.
///
/// The split keeps together what words_of_name() of the caption make one (arrow-left-red and arrow-up-blue).
///
/// Throws InputError for a missing or unusable folder, naming the Debian package.
std::unique_ptr<Dataset> open_clipart(const DatasetSpec& spec);

/// What is missing to open it with its default folder, with the Debian package; empty when nothing is.
std::string clipart_missing();

/// Where the folder is looked for, in order.
const std::vector<std::string>& clipart_places();

}  // namespace assay
