#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/decoded_pictures.h"
#include "images/image.h"

namespace assay {

/// Pictures wider or higher than this are not decoded: their square would have more than 100 megapixels.
inline constexpr std::uint32_t max_picture_side = 10'000;

/// One PNG file of a tree of folders.
struct TreePicture {
  std::string path;  // below the tree's folder, with '/' and without ".png": "animals/birds/owl"
  std::map<std::string, std::string> texts;  // what the file says of itself (read_png_header())
  Image cutout;                              // RGBA, size x size; empty where `missing` is not
  std::string missing;                       // why there is no cut-out
  std::string bytes;                         // hash_text() of the file; empty where it cannot be read
  std::string pixels;  // content id of the decoded picture in its own size; empty where it was not decoded
};

struct PictureTree {
  std::vector<TreePicture> pictures;  // ascending by path, in bytes
  std::vector<Problem> problems;      // folders that were not entered
};

/// Every PNG file (".png", in any case of letters) in the folders below `folder`, but for the folders named in
/// `left_out`, which lie directly in it. Links to files are followed, as a picture may lie in several folders; links to
/// folders are problems; hidden entries (is_hidden_entry()) are passed over. A picture becomes what decode_picture()
/// makes of it. It is missing where that says so, when its file is no file, when it lies in no folder, and when a side
/// is above max_picture_side.
///
/// Reads and hashes every file, and decodes each once, in up to 16 threads, each of which may hold 800 MB for a picture
/// of 100 megapixels; or takes what the cache has of just these files.
///
/// Throws InputError when `folder` is no folder that can be read.
PictureTree read_picture_tree(const std::filesystem::path& folder, int size, const std::vector<std::string>& left_out,
                              const PictureCache& cache);

}  // namespace assay
