#pragma once
#include <filesystem>
#include <iosfwd>

#include "datasets/dataset.h"

namespace assay {

/// `assay dataset list`: every data set, and what is missing to open it. With `json` one object on `out`:
/// {"datasets": [{"name", "description", "available", "missing"}]}. Returns the exit code 0.
int dataset_list(bool json, std::ostream& out);

/// `assay dataset info`: hash, counts per split, group and subgroup, and the entries left out. With `json`:
/// {"dataset": spec, "hash", "items", "train", "validation", "groups": [{"name", "items", "train", "validation"}],
/// "subgroups": [{"name", "group", "items", "train", "validation"}], "problems": [{"item", "what"}]}. Returns 0.
int dataset_info(const DatasetSpec& spec, bool json, std::ostream& out);

/// `assay dataset export`: writes images/STEM.png (RGB), masks/STEM.png (grey), labels.csv with the columns
/// stem,group,subgroup,name,split (names, quoted as RFC 4180 says, lines end in LF), and dataset.json with the spec,
/// the hash and the entries left out. The folder must be new or empty, or hold an export of the same hash, which is
/// then continued: files that are there must be those this export writes. No file of another origin is ever changed.
/// Throws InputError naming the file in the way. With `json`: {"out", "hash", "items", "written", "problems"}.
/// Returns 0.
int dataset_export(const DatasetSpec& spec, const std::filesystem::path& folder, bool json, std::ostream& out);

}  // namespace assay
