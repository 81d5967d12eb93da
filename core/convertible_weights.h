#pragma once
#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "core/safetensors.h"

namespace assay {

/// What the content of a file is that stands where safetensors are expected, and what can be done: a PyTorch
/// checkpoint, a pickle, a page of a web server and the like, by their first bytes. Part of a message; empty for what
/// is not known.
std::string foreign_weights(std::string_view content, const std::filesystem::path& file);

/// What tools/convert_weights.py would mend in a safetensors file that does not fit a network: prefixes around all
/// keys, heads beside a backbone, other types than those that are `taken`. A sentence with the command; empty where it
/// would change nothing.
std::string conversion_hint(const SafetensorsFile& file, const std::set<DType>& taken = {DType::f32});

}  // namespace assay
