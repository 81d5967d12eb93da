#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace assay {

/// Keeps samples: `images` [N, 3, H, W] uint8 and, where given, `features` [N, D] float32 and the N classes asked for
/// as `labels`. With features, a feature file as `assay metric` takes it.
void write_samples(const std::filesystem::path& file, const at::Tensor& bytes, const at::Tensor& features,
                   const std::vector<std::int64_t>& labels = {});

/// The images of such a file, and its features.
at::Tensor read_sample_images(const std::filesystem::path& file);
at::Tensor read_sample_features(const std::filesystem::path& file);

}  // namespace assay
