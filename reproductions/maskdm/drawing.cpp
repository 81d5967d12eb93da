#include "reproductions/maskdm/drawing.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>

#include <algorithm>
#include <vector>

#include "reproductions/images.h"
#include "reproductions/maskdm/haar.h"
#include "reproductions/sample_noise.h"

namespace assay::maskdm {

at::Tensor draw_images(const MaskUVit& network, const Process& process, const DrawOptions& options, std::int64_t first,
                       std::int64_t count, std::uint64_t seed, const std::function<void(std::int64_t)>& progress) {
  const at::NoGradGuard no_grad;
  const MaskUVitConfig& config = network.config();
  const at::Device device = network.parameters().all().front().value.device();
  std::vector<at::Tensor> parts;
  for (std::int64_t done = 0; done < count; done += options.batch) {
    const std::int64_t size = std::min(options.batch, count - done);
    const auto noise = [&](std::int64_t step) {
      return sample_noise(first + done, size, {config.in_chans, config.img_size, config.img_size}, seed, step)
          .to(device);
    };
    const at::Tensor x =
        process.ddim_sample([&](const at::Tensor& x_t, const at::Tensor& t) { return network.forward(x_t, t); },
                            noise(0), options.steps, options.eta, [&](std::int64_t step) { return noise(step + 1); },
                            [&](const at::Tensor& x_start) { return clip_input(config, x_start); });
    parts.push_back(to_bytes(image_of_input(config, x) * 2 - 1).to(at::kCPU));
    progress(done + size);
  }
  return at::cat(parts);
}

}  // namespace assay::maskdm
