#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace assay {

/// The lines of a list of names in their order, without spaces at their ends; empty lines are left out. Throws
/// InputError naming the file when it cannot be read, holds no name, or one twice.
std::vector<std::string> read_name_list(const std::filesystem::path& file);

}  // namespace assay
