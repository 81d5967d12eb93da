#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "reproductions/method.h"

namespace assay {

/// Writes the first samples, ten a row (fewer where there are fewer) and at most six rows, as a picture, and returns
/// its artifact; `meta` gets the rows and columns.
Artifact sample_picture(const std::string& name, const at::Tensor& bytes, const std::filesystem::path& file,
                        nlohmann::json meta);

}  // namespace assay
