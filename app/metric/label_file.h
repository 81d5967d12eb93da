#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace assay {

/// Labels of an .npy or .npz file, integers of any type (images/label_array.h); or of text, one integer a line, which
/// may be written as a floating-point number without a fraction. A byte order mark, spaces, carriage returns, lines
/// that begin with #, and empty lines at the end are passed over. Negative labels are labels like others. Throws
/// InputError naming file and line or array for anything else, and for a file without labels.
std::vector<std::int64_t> read_label_file(const std::filesystem::path& file);

}  // namespace assay
