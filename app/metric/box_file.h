#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "metrics/masks/corloc.h"

namespace assay {

/// A JSON file of one object with a key for each image. Throws InputError naming the file when it is no such file, and
/// where an image stands there twice: a JSON parser would keep one of them.
nlohmann::json read_box_file(const std::filesystem::path& file);

/// Four finite numbers [xmin, ymin, xmax, ymax] with xmin <= xmax and ymin <= ymax. Throws InputError that starts with
/// `where` for anything else.
BoxCorners parse_box(const nlohmann::json& value, const std::string& where);

/// A value for a message: its text, cut after 80 characters.
std::string shown(const nlohmann::json& value);

}  // namespace assay
