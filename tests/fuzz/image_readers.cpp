#include <array>

#include "images/image_file.h"
#include "images/png_header.h"
#include "tests/fuzz/fuzzed_reader.h"

namespace assay::fuzz {
namespace {

namespace fs = std::filesystem;

/// The smaller images of a folder of tests/data with this ending.
std::vector<Files> seeds_of(const std::string& folder, const std::string& ending) {
  constexpr std::size_t most = 20000;
  std::vector<Files> seeds;
  for (const auto& [name, content] : files_below(fs::path(ASSAY_TEST_DATA) / folder))
    if (content.size() < most && (ending.empty() || name.ends_with(ending))) seeds.push_back({{"image", content}});
  return seeds;
}

/// As images and masks are read.
void read(const fs::path& folder) {
  const fs::path file = folder / "image";
  static_cast<void>(read_png_header(files_below(folder).at("image")));
  try {
    static_cast<void>(read_label_map(file));
  } catch (const InputError&) {  // of most kinds there are none
  }
  static_cast<void>(as_grey(read_image_file(file)));
}

}  // namespace

std::vector<FuzzedReader> image_readers() {
  return {{"png", "image", [] { return seeds_of("png", ".png"); }, read},
          {"jpeg", "image", [] { return seeds_of("jpeg", ".jpg"); }, read},
          {"webp", "image", [] { return seeds_of("images/webp", ""); }, read},
          {"tiff", "image", [] { return seeds_of("images/tiff", ""); }, read},
          {"bmp", "image", [] { return seeds_of("images/bmp", ""); }, read},
          {"gif", "image", [] { return seeds_of("images/gif", ""); }, read},
          {"pnm", "image", [] { return seeds_of("images/pnm", ""); }, read}};
}

}  // namespace assay::fuzz
