#pragma once
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
  std::vector<ImagePair> pairs;    // ascending by stem
  std::vector<std::string> notes;  // what else lies in the folders
};

/// Every image of `predictions` with the one of the same stem in `truths`. Throws InputError where a stem is missing on
/// either side or twice on one, naming how many and the first few.
ImagePairs match_images(const std::filesystem::path& predictions, const std::filesystem::path& truths);

}  // namespace assay
