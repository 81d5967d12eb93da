#include "reproductions/class_tokens/algorithm/classifier_input.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <fmt/format.h>

#include <span>

#include "core/error.h"
#include "kernels/host_tensor.h"

namespace assay::class_tokens {
namespace {

at::Tensor channels(const std::array<double, 3>& values, const at::Tensor& like) {
  return host_tensor(std::span<const double>(values)).to(like.options()).view({1, 3, 1, 1});
}

/// The middle `side` values along an axis.
at::Tensor centre(const at::Tensor& x, std::int64_t axis, std::int64_t side) {
  const std::int64_t around = x.size(axis) - side, begin = around / 2;
  const at::Tensor first = x.narrow(axis, begin, side);
  return around % 2 == 0 ? first : (first + x.narrow(axis, begin + 1, side)) / 2;
}

}  // namespace

ClassifierInput classifier_input_of(PublishedClassifier classifier) {
  if (classifier == PublishedClassifier::inet) return {256, 224, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}};
  return {224, 224, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
}

at::Tensor classifier_input(const at::Tensor& images, const ClassifierInput& options) {
  at::Tensor x = images;
  if (options.resize > 0) {
    const std::int64_t height = x.size(2), width = x.size(3), side = options.resize;
    // As kornia has it: the other side by the ratio in floating point, cut down.
    const double ratio = static_cast<double>(width) / static_cast<double>(height);
    const std::int64_t rows = ratio < 1 ? static_cast<std::int64_t>(static_cast<double>(side) / ratio) : side,
                       columns = ratio < 1 ? side : static_cast<std::int64_t>(static_cast<double>(side) * ratio);
    x = at::upsample_bicubic2d(x, {rows, columns}, /*align_corners=*/false);
  }
  if (options.crop > 0) {
    const std::int64_t height = x.size(2), width = x.size(3), side = options.crop;
    if (height < side || width < side)
      throw InputError(fmt::format(
          "classifier input: images of {}x{}; accepted: at least {} pixels a side for the crop", width, height, side));
    x = centre(centre(x, 2, side), 3, side);
  }
  return (x - channels(options.mean, x)) / channels(options.deviation, x);
}

}  // namespace assay::class_tokens
