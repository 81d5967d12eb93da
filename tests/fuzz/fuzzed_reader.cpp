#include "tests/fuzz/fuzzed_reader.h"

#include <fstream>
#include <iterator>

#include "core/file.h"

namespace assay::fuzz {

std::vector<FuzzedReader> fuzzed_readers() {
  std::vector<FuzzedReader> all;
  for (const auto& readers : {array_readers(), image_readers(), set_readers(), text_readers(), store_readers()})
    all.insert(all.end(), readers.begin(), readers.end());
  return all;
}

void write_files(const std::filesystem::path& folder, const Files& files) {
  for (const auto& [name, content] : files) {
    const std::filesystem::path file = folder / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }
}

Files files_below(const std::filesystem::path& folder) {
  Files files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      files[entry.path().lexically_relative(folder).generic_string()] = read_file(entry.path());
  return files;
}

std::string test_data(const std::string& name) { return read_file(std::filesystem::path(ASSAY_TEST_DATA) / name); }

}  // namespace assay::fuzz
