#pragma once
#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace assay {

/// The stamps of Tux Paint (Debian: tuxpaint-stamps-default): objects cut out of photographs, and some drawings, each
/// with a caption; open_picture_set() says how they become items. The tree's folder `symbols` (letters, digits, coins,
/// signs) is left out unless spec.symbols asks for it. Drawings that come as SVG without a PNG beside them are no
/// items; an SVG beside a PNG is the same picture.
///
/// The caption is the first line of NAME.txt, which is English; the lines after it ("de.utf8=...") are other languages.
/// NAME_mirror.png, which has none, has that of NAME. A picture without a caption has the words of its name.
///
/// The split keeps together what words_of_name() of the file's name make one (frog and frog-1, dumper and
/// dumper_mirror, green_fedora and blue_fedora, grave-a to grave-j).
///
/// Throws InputError for a missing or unusable folder, naming the Debian package.
std::unique_ptr<Dataset> open_stamps(const DatasetSpec& spec);

/// What is missing to open it with its default folder, with the Debian package; empty when nothing is.
std::string stamps_missing();

/// Where the folder is looked for, in order.
const std::vector<std::string>& stamps_places();

}  // namespace assay
