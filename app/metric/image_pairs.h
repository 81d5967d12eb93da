#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace assay {

/// A prediction and its truth, by file stem.
struct ImagePair {
  std::string stem;
  std::filesystem::path prediction, truth;
};

struct ImagePairs {
  std::filesystem::path predictions, truths;  // the folders
  std::vector<ImagePair> pairs;               // ascending by stem
  std::vector<std::string> notes;             // what else lies in the folders, and what was left out
};

/// Every image of `predictions` with the one of the same stem in `truths`. Throws InputError where a stem is missing on
/// either side or twice on one, naming how many and the first few.
ImagePairs match_images(const std::filesystem::path& predictions, const std::filesystem::path& truths);

/// Leaves out the pairs of which either image cannot be read, with a note, and returns how many; decodes each image on
/// up to `threads` threads (0: all cores). Throws InputError where no pair is left.
std::int64_t leave_out_damaged(ImagePairs& matched, int threads);

}  // namespace assay
