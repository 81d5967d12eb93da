#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "reproductions/method.h"

namespace assay {

/// Writes samples and their features as write_samples() does (reproductions/samples/sample_files.h), and returns the
/// artifact "samples NAME".
Artifact stored_samples(const std::string& name, const std::filesystem::path& file, const at::Tensor& bytes,
                        const at::Tensor& features, nlohmann::json meta, const std::vector<std::int64_t>& labels = {});

/// Writes the first samples, `columns` a row (fewer where there are fewer) and at most six rows, as a picture, and
/// returns its artifact; `meta` gets the rows and columns. Reports call a picture by the key `arm` of its `meta`, or
/// else by its name, and say what the key `shows` has behind it.
Artifact sample_picture(const std::string& name, const at::Tensor& bytes, const std::filesystem::path& file,
                        nlohmann::json meta, std::int64_t columns = 10);

}  // namespace assay
