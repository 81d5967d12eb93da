#pragma once
#include <string_view>
#include <vector>

namespace assay {

/// A trained network that comes with the program: reproductions/METHOD/pretrained/NAME.safetensors, built in
/// (reproductions/CMakeLists.txt), so that nothing is looked up at run time. tools/ship_network.py makes such a file.
struct PretrainedFile {
  std::string_view method;
  std::string_view name;
  std::string_view bytes;  // of the file
};

/// Every one, by method and name.
const std::vector<PretrainedFile>& pretrained_files();

}  // namespace assay
