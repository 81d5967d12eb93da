#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace assay {

/// A tensor of an official state_dict.
struct WeightShape {
  std::string name;
  std::vector<std::int64_t> shape;
  /// A counter that published files may omit; never read.
  bool optional = false;
};

/// Reads the float32 weights of a network from a safetensors file, strictly: a key that is missing, unknown or of
/// another shape or element type throws InputError, which lists the first ten such keys and the number of all. Unknown
/// keys are passed over where no network has tensors of their type (can_be_network_state()).
/// `conversion` is the sentence that says how to make the file.
std::map<std::string, at::Tensor> load_network_weights(const std::filesystem::path& file,
                                                       const std::vector<WeightShape>& expected,
                                                       const std::string& conversion);

}  // namespace assay
