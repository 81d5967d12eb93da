#include "reproductions/maskdm/algorithm/drawing.h"

#include <ATen/TensorOperators.h>

#include "diffusion/guidance/classifier_free.h"
#include "reproductions/maskdm/algorithm/haar.h"
#include "reproductions/samples/image_tensors.h"
#include "reproductions/samples/sample_noise.h"

namespace assay::maskdm {

at::Tensor draw_images(const MaskUVit& network, const Process& process, const DrawOptions& options, std::int64_t first,
                       std::int64_t count, std::uint64_t seed, const std::function<void(std::int64_t)>& progress) {
  const MaskUVitConfig& config = network.config();
  const at::Device device = network.parameters().all().front().value.device();
  const DdimSampler sampler = process.ddim_sampler(
      options.steps, options.eta, [&](const at::Tensor& x_start) { return clip_input(config, x_start); });
  const auto drawn = [&](const SamplePass& pass) {
    const auto noise = [&](std::int64_t step) {
      return sample_noise(first + pass.begin, pass.rows, {config.in_chans, config.img_size, config.img_size}, seed,
                          step)
          .to(device);
    };
    ClassifierFreeGuidance unguided;
    const at::Tensor x =
        sampler.sample(network, unguided, noise(0), [&](std::int64_t step) { return noise(step + 1); });
    return to_bytes(image_of_input(config, x) * 2 - 1);
  };
  return draw_in_passes(count, options.passes, drawn, progress);
}

}  // namespace assay::maskdm
