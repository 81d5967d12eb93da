#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace assay {

/// A folder of images, and what one of them is called in messages: "mask".
struct NamedFolder {
  std::filesystem::path folder;
  std::string noun;
};

/// Two images of one name without extension.
struct PairedFiles {
  std::string stem;
  std::filesystem::path first, second;
};

struct PairedFolders {
  std::vector<PairedFiles> pairs;  // ascending by stem
  std::vector<std::string> notes;  // what else lies in the folders
};

/// Every image of one folder with the one of the same stem in the other. Throws InputError where a folder holds no
/// image, and where a stem is missing on either side or twice on one, naming how many and the first few.
PairedFolders pair_by_stem(const NamedFolder& first, const NamedFolder& second);

}  // namespace assay
