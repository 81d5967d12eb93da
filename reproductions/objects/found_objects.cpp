#include "reproductions/objects/found_objects.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

#include "core/error.h"
#include "core/parallel.h"

namespace assay {
namespace {

/// `find` for the features of each image gives its box and writes the patches of its mask.
FoundObjects find_each(const LocalFeatures& features, std::int64_t height, std::int64_t width,
                       const std::function<PixelBox(std::span<const float>, float* marks)>& find) {
  const std::int64_t n = features.values.size(0), patches = features.rows * features.columns;
  const std::int64_t numbers = patches * features.values.size(2);
  const at::Tensor values = features.values.contiguous();
  const float* data = values.const_data_ptr<float>();
  FoundObjects found;
  found.boxes.resize(static_cast<std::size_t>(n));
  at::Tensor grid = at::zeros({n, 1, features.rows, features.columns}, at::kFloat);
  float* marks = grid.mutable_data_ptr<float>();
  parallel_for(n, 0, [&](std::int64_t i, int /*worker*/) {
    found.boxes[static_cast<std::size_t>(i)] =
        find({data + i * numbers, static_cast<std::size_t>(numbers)}, marks + i * patches);
  });
  found.masks = grid.repeat_interleave(features.patch, 2)
                    .repeat_interleave(features.patch, 3)
                    .narrow(2, 0, height)
                    .narrow(3, 0, width)
                    .contiguous();
  return found;
}

}  // namespace

FoundObjects find_by_lost(const LocalFeatures& features, double candidate_share, std::int64_t height,
                          std::int64_t width) {
  if (!(candidate_share > 0 && candidate_share <= 1))
    throw InputError(fmt::format("LOST: candidate share {}; accepted: above 0, at most 1", candidate_share));
  const auto patches = static_cast<double>(features.rows * features.columns);
  LostOptions options;
  options.patch = features.patch;
  options.candidates = std::max<std::int64_t>(1, std::llround(candidate_share * patches));
  return find_each(features, height, width, [&](std::span<const float> of_image, float* marks) {
    const LostBox object =
        lost(of_image, features.rows, features.columns, features.values.size(2), height, width, options);
    std::copy(object.component.begin(), object.component.end(), marks);
    return object.box;
  });
}

FoundObjects find_by_tokencut(const LocalFeatures& features, TokenCutOptions options, std::int64_t height,
                              std::int64_t width) {
  options.patch = features.patch;
  return find_each(features, height, width, [&](std::span<const float> of_image, float* marks) {
    const TokenCutObject object =
        tokencut(of_image, features.rows, features.columns, features.values.size(2), height, width, options);
    std::copy(object.mask.begin(), object.mask.end(), marks);
    return object.box;
  });
}

}  // namespace assay
