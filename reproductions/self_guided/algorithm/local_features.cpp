#include "reproductions/self_guided/algorithm/local_features.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "kernels/one_thread_each.h"

namespace assay::self_guided {

LocalFeatures encoder_features(const ConvEncoder& encoder, const at::Tensor& images, std::int64_t convolutions) {
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
  at::Tensor values = maps.flatten(2).transpose(1, 2);
  values = values - values.mean(1, true);
  values = values / values.norm(2, at::IntArrayRef({2}), true).clamp_min(1e-8);
  features.values = values.contiguous();
  return features;
}

}  // namespace assay::self_guided
