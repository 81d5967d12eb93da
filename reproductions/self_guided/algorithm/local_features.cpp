#include "reproductions/self_guided/algorithm/local_features.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linspace.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "kernels/one_thread_each.h"

namespace assay::self_guided {
namespace {

at::Tensor centred(const at::Tensor& values, Centring centring) {
  if (centring == Centring::set) return values - values.mean(at::IntArrayRef({0, 1}), true);
  if (centring == Centring::image) return values - values.mean(1, true);
  return values;
}

}  // namespace

LocalFeatures encoder_features(const ConvEncoder& encoder, const at::Tensor& images, std::int64_t convolutions,
                               Centring centring, bool unit_length) {
  const at::NoGradGuard no_grad;
  // One size of batch for every caller and one thread for each: convolutions may round differently in batches of
  // another size and over another number of threads.
  constexpr std::int64_t batch = 64;
  const std::int64_t n = images.size(0), count = (n + batch - 1) / batch;
  std::vector<at::Tensor> parts(static_cast<std::size_t>(count));
  one_thread_each(images.device(), count, [&](std::int64_t i) {
    const at::Tensor some = images.narrow(0, i * batch, std::min(batch, n - i * batch));
    parts[static_cast<std::size_t>(i)] = encoder.local(some, convolutions).to(at::kCPU);
  });
  const at::Tensor maps = at::cat(parts);

  LocalFeatures features;
  features.rows = maps.size(2);
  features.columns = maps.size(3);
  features.patch = images.size(3) / features.columns;
  if (features.rows * features.patch != images.size(2) || features.columns * features.patch != images.size(3))
    throw InputError(
        fmt::format("local features: a grid of {} x {} does not divide an image of {} x {}; accepted: "
                    "sides that are multiples of the encoder's stride",
                    features.rows, features.columns, images.size(2), images.size(3)));
  at::Tensor values = centred(maps.flatten(2).transpose(1, 2), centring);
  if (unit_length) values = values / values.norm(2, at::IntArrayRef({2}), true).clamp_min(1e-8);
  features.values = values.contiguous();
  return features;
}

LocalFeatures pixel_features(const at::Tensor& images, double position, Centring centring) {
  const std::int64_t n = images.size(0), rows = images.size(2), columns = images.size(3);
  const at::Tensor y = at::linspace(-position, position, rows, at::kFloat).view({1, 1, rows, 1});
  const at::Tensor x = at::linspace(-position, position, columns, at::kFloat).view({1, 1, 1, columns});
  const at::Tensor all =
      at::cat({images.to(at::kCPU), x.expand({n, 1, rows, columns}), y.expand({n, 1, rows, columns})}, 1);
  return {centred(all.flatten(2).transpose(1, 2), centring).contiguous(), rows, columns, 1};
}

}  // namespace assay::self_guided
