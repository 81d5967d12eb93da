#include "reproductions/objects/patch_keys.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "kernels/one_thread_each.h"
#include "metrics/features/image_protocol.h"
#include "reproductions/objects/patch_grid.h"

namespace assay {

at::Tensor padded_photograph(const Image& image, std::int64_t patch) {
  if (image.channels != 3)
    throw InputError(fmt::format("an image of {} channels; accepted: RGB, 3 channels", image.channels));
  const std::int64_t height = padded_size(image.height, patch), width = padded_size(image.width, patch);
  at::Tensor padded = at::zeros({1, 3, height, width}, at::kFloat);
  auto* out = padded.mutable_data_ptr<float>();
  for (std::size_t c = 0; c < 3; ++c) {
    const float offset = imagenet_normalisation.offset[c], scale = imagenet_normalisation.scale[c];
    for (int y = 0; y < image.height; ++y) {
      float* row = out + (static_cast<std::int64_t>(c) * height + y) * width;
      for (int x = 0; x < image.width; ++x) row[x] = (static_cast<float>(image.at(x, y)[c]) - offset) / scale;
    }
  }
  return padded;
}

LocalFeatures patch_keys(const VisionTransformer& network, const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  LocalFeatures features;
  features.patch = network.config().patch_size;
  features.rows = images.size(2) / features.patch;
  features.columns = images.size(3) / features.patch;
  // About so many patches in a pass, which depends on the size of the images alone: products may round differently in
  // passes of another size and over another number of threads.
  constexpr std::int64_t patches = 4096;
  const std::int64_t batch =
      std::max<std::int64_t>(1, patches / std::max<std::int64_t>(1, features.rows * features.columns));
  const std::int64_t n = images.size(0), count = (n + batch - 1) / batch;
  std::vector<at::Tensor> parts(static_cast<std::size_t>(count));
  one_thread_each(images.device(), count, [&](std::int64_t i) {
    const at::Tensor keys = network.forward(images.narrow(0, i * batch, std::min(batch, n - i * batch))).last_k;
    parts[static_cast<std::size_t>(i)] = keys.narrow(1, 1, keys.size(1) - 1).to(at::kCPU);
  });
  features.values = at::cat(parts).contiguous();
  return features;
}

}  // namespace assay
