#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "metrics/masks/corloc.h"

namespace assay {

/// Where true boxes come from: exactly one of `file`, `voc` and `coco`.
struct TruthOptions {
  std::filesystem::path file;  // JSON by stem
  bool from_one = false;       // its boxes count pixels from 1

  std::filesystem::path voc;  // a folder of PASCAL VOC
  std::string set = "trainval";
  std::string corners = "half_open";  // of voc_corner_names

  std::filesystem::path coco;  // a file of COCO instances
  std::filesystem::path list;  // the images to take; empty: all

  bool no_hard = false;  // difficult and truncated boxes are dropped
};

/// The boxes of one image that count.
struct TrueBoxes {
  std::vector<BoxCorners> boxes;
  std::int64_t hard = 0;    // difficult or truncated ones, dropped or not
  std::int64_t crowds = 0;  // regions of many objects, all dropped
};

struct TrueImages {
  std::string where;                        // the file or folder, for messages
  std::map<std::string, TrueBoxes> images;  // by stem
  nlohmann::json choices;                   // how the boxes were read, for the protocol
  std::vector<std::string> notes;
};

/// Reads the true boxes as LOST's protocol counts them: VOC's half open, COCO's rounded and without crowds. Throws
/// InputError unless one source is given, for options of another source, and for files that hold no boxes.
TrueImages read_true_boxes(const TruthOptions& options);

}  // namespace assay
