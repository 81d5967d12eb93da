#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace assay::fuzz {

/// Files by their path below a folder.
using Files = std::map<std::string, std::string>;

/// Something that reads files of others.
struct FuzzedReader {
  std::string name;
  std::string main_file;                              // which of the files --seeds writes
  std::vector<Files> (*seeds)();                      // valid and small
  void (*read)(const std::filesystem::path& folder);  // all that a command would look at
  bool may_fail = false;                              // whether Error, beside InputError, says that a file is bad
};

/// Readers by what they read.
std::vector<FuzzedReader> array_readers();
std::vector<FuzzedReader> image_readers();
std::vector<FuzzedReader> set_readers();
std::vector<FuzzedReader> text_readers();
std::vector<FuzzedReader> store_readers();

/// All of these.
std::vector<FuzzedReader> fuzzed_readers();

/// Writes the files and the folders that they need.
void write_files(const std::filesystem::path& folder, const Files& files);
/// All that lies below the folder.
Files files_below(const std::filesystem::path& folder);
/// A file of tests/data.
std::string test_data(const std::string& name);

}  // namespace assay::fuzz
