#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace assay {

/// The whole file. Throws InputError naming the file when it cannot be read.
std::string read_file(const std::filesystem::path& file);

/// Writes to a temporary name beside `file`, flushes it to disk, then renames: a reader or a kill at any moment
/// sees the old file or the new one, never a part. Throws InputError when the folder cannot be written.
void write_file_atomically(const std::filesystem::path& file, std::string_view content);

/// Creates the folder with its parents. Throws InputError when it cannot be created or written to.
void ensure_folder(const std::filesystem::path& folder);

}  // namespace assay
