#include "reproductions/samples/image_tensors.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>

#include "images/png.h"

namespace assay {

LabelledImages load_images(const Dataset& dataset, Split split) {
  const std::vector<std::int64_t> chosen = indices(dataset, split);
  const std::int64_t n = static_cast<std::int64_t>(chosen.size()), side = dataset.size(), plane = side * side;
  LabelledImages set;
  set.images = at::empty({n, 3, side, side}, at::kFloat);
  float* out = set.images.mutable_data_ptr<float>();
  for (const std::int64_t index : chosen) {
    const Item& item = dataset.items()[static_cast<std::size_t>(index)];
    set.groups.push_back(item.group);
    set.subgroups.push_back(item.subgroup);
    set.captions.push_back(item.name);
    const Image image = dataset.sample(index).image;
    for (std::int64_t c = 0; c < 3; ++c)
      for (std::int64_t p = 0; p < plane; ++p)
        *out++ = static_cast<float>(image.pixels[static_cast<std::size_t>(3 * p + c)]) / 127.5f - 1.0f;
  }
  return set;
}

at::Tensor to_bytes(const at::Tensor& images) { return ((images + 1) * 127.5).clamp(0, 255).to(at::kByte); }

at::Tensor from_bytes(const at::Tensor& bytes) { return bytes.to(at::kFloat) / 127.5 - 1.0; }

std::string batch_shape(std::int64_t images, std::int64_t side) {
  return fmt::format("{}x3x{}x{}", images, side, side);
}

void write_image_grid(const at::Tensor& bytes, std::int64_t rows, std::int64_t columns, std::int64_t gap,
                      const std::filesystem::path& file) {
  const std::int64_t height = bytes.size(2), width = bytes.size(3);
  Image grid;
  grid.width = static_cast<int>(columns * (width + gap) - gap);
  grid.height = static_cast<int>(rows * (height + gap) - gap);
  grid.channels = 3;
  grid.pixels.assign(static_cast<std::size_t>(grid.width) * static_cast<std::size_t>(grid.height) * 3, 255);
  const at::Tensor host = bytes.to(at::kCPU).contiguous();
  const std::uint8_t* data = host.const_data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < std::min(rows * columns, bytes.size(0)); ++i) {
    const std::int64_t top = i / columns * (height + gap), left = i % columns * (width + gap);
    for (std::int64_t c = 0; c < 3; ++c)
      for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t x = 0; x < width; ++x)
          grid.pixels[static_cast<std::size_t>(((top + y) * grid.width + left + x) * 3 + c)] =
              data[((i * 3 + c) * height + y) * width + x];
  }
  write_png(file, grid);
}

}  // namespace assay
