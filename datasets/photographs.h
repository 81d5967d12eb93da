#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/philox.h"
#include "datasets/dataset.h"
#include "images/image.h"

namespace assay {

/// What a setting `background` has for photographs: "photographs", those of Debian's mate-backgrounds, or
/// "photographs:FOLDER".
bool names_photographs(const std::string& background);

/// What is missing to open them, with the Debian package; empty when nothing is, and for other backgrounds.
std::string photographs_missing(const std::string& background);

/// Where the package's folder is looked for, in order.
const std::vector<std::string>& photographs_places();

/// Photographs to stand behind objects. A photograph is behind training objects or behind held-out ones, never behind
/// both: in the order of the hashes of their bytes the last fifth, rounded up, is for validation.
class Photographs {
 public:
  /// Reads the images that lie in the folder itself, and keeps each shrunk to a shorter side of 4 * size pixels. What
  /// cannot be read, is smaller than `size` or has the bytes of one before it is a problem. Throws InputError for a
  /// folder that is missing, naming the package where none was given, and where fewer than two images can be used.
  Photographs(const std::string& background, int size, const std::string& where);

  std::int64_t count(Split split) const;
  /// A square of the RGB photograph, shrunk to size x size: which one, how large (from `size` pixels to the shorter
  /// side of what is kept, uniformly), where, and whether mirrored is drawn.
  Image crop(Split split, RandomStream& random) const;
  const std::vector<Problem>& problems() const { return problems_; }
  /// Content id of the files, in their order, and of what is kept of them.
  const std::string& hash() const { return hash_; }

 private:
  const std::vector<Image>& of(Split split) const { return split == Split::train ? train_ : held_out_; }

  int size_;
  std::vector<Image> train_, held_out_;
  std::vector<Problem> problems_;
  std::string hash_;
};

}  // namespace assay
