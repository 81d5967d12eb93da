#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace assay {

/// One split of a data set in memory.
struct LabelledImages {
  at::Tensor images;  // [N, 3, H, W] float in [-1, 1]
  std::vector<std::int64_t> groups, subgroups;
  std::vector<std::string> captions;
};
LabelledImages load_images(const Dataset& dataset, Split split);

/// Bytes of images in [-1, 1] as SGDM writes them: trunc(clamp((x + 1) * 127.5, 0, 255)). [N, 3, H, W] uint8.
at::Tensor to_bytes(const at::Tensor& images);
/// The inverse up to the truncation: b / 127.5 - 1.
at::Tensor from_bytes(const at::Tensor& bytes);

/// A batch of RGB images as timings name it: "64x3x16x16".
std::string batch_shape(std::int64_t images, std::int64_t side);

/// Writes the first rows * columns of `bytes` [N, 3, H, W] as one PNG, `gap` white pixels between tiles.
void write_image_grid(const at::Tensor& bytes, std::int64_t rows, std::int64_t columns, std::int64_t gap,
                      const std::filesystem::path& file);

}  // namespace assay
