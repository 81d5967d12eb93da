#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace assay {

/// What the subcommands of `assay dataset` are asked for.
struct DatasetCommand {
  std::string name;                   // of info and export
  std::vector<std::string> settings;  // the same: key=value each
  std::filesystem::path out;          // of export
  bool json = false;
};

// Each prints on standard output what its subcommand promises (app/dataset_tables.h) and returns the exit code. Throws
// InputError for a data set or a setting that there is not, and what it throws there.
int dataset_list_action(const DatasetCommand& options);
int dataset_info_action(const DatasetCommand& options);
int dataset_export_action(const DatasetCommand& options);

}  // namespace assay
