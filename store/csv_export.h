#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "store/store.h"

namespace assay {

/// Text as a field of RFC 4180, in quotes where it needs them and where it is empty.
std::string csv_text(const std::string& text);

struct ExportedTable {
  std::filesystem::path file;
  std::int64_t rows = 0;
};

/// Writes TABLE.csv for every table, or for one, into `folder`, which is made: RFC 4180, a line of column names first,
/// numbers with all digits that they need to be read back, NULL as nothing and empty text as "". All files are of one
/// moment. Throws InputError for an unknown table, one whose name is
/// no word of letters, digits and _, and a folder that cannot be written.
std::vector<ExportedTable> export_csv(const Store& store, const std::filesystem::path& folder,
                                      const std::optional<std::string>& table);

}  // namespace assay
