#include "reproductions/maskdm/algorithm/drawing.h"

#include <ATen/TensorOperators.h>

#include "diffusion/guidance/classifier_free.h"
#include "reproductions/maskdm/algorithm/haar.h"
#include "reproductions/samples/drawing.h"

namespace assay::maskdm {

at::Tensor draw_images(const MaskUVit& network, const Process& process, const DrawOptions& options, std::int64_t first,
                       std::int64_t count, std::uint64_t seed, const std::function<void(std::int64_t)>& progress) {
  const MaskUVitConfig& config = network.config();
  const DdimSampler sampler = process.ddim_sampler(
      options.steps, options.eta, [&](const at::Tensor& x_start) { return clip_input(config, x_start); });
  const auto draw_pass = [&](const SamplePass& /*pass*/, const PassNoise& noise) {
    ClassifierFreeGuidance unguided;
    const at::Tensor x =
        sampler.sample(network, unguided, noise(0), [&](std::int64_t step) { return noise(step + 1); });
    return image_of_input(config, x) * 2 - 1;
  };
  return draw_samples({.first = first,
                       .count = count,
                       .shape = {config.in_chans, config.img_size, config.img_size},
                       .seed = seed,
                       .device = network.parameters().all().front().value.device(),
                       .passes = options.passes},
                      draw_pass, progress);
}

}  // namespace assay::maskdm
