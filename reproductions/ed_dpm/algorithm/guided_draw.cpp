#include "reproductions/ed_dpm/algorithm/guided_draw.h"

#include <ATen/ops/zeros.h>

#include <optional>

#include "kernels/host_tensor.h"
#include "reproductions/samples/drawing.h"

namespace assay::ed_dpm {

Drawn draw_guided(const GuidedDraw& d, const std::vector<std::int64_t>& asked, std::int64_t first,
                  const std::function<void(std::int64_t)>& progress) {
  std::vector<GuidanceEvents> events(asked.size());  // of each pass, added up in order
  const auto sampler = [&](const SamplePass& pass, const PassNoise& noise) {
    const at::Tensor classes = host_tensor(pass.of(asked)).to(d.device);
    std::optional<ClassifierGuidance> guidance;
    if (d.classifier) {
      guidance.emplace(*d.classifier, classes, d.guidance, first + pass.begin);
      guidance->count_only(pass.kept);
    }
    at::Tensor condition;
    if (d.denoiser.condition_size() > 0)
      condition = at::zeros({pass.rows, d.denoiser.condition_size()}, at::TensorOptions(at::kFloat).device(d.device))
                      .scatter(1, classes.unsqueeze(1), 1.0);
    const at::Tensor x =
        adm_sample(d.process, d.denoiser, d.sampling, noise(0), condition, guidance ? &*guidance : nullptr,
                   [&](std::int64_t step) { return noise(step + 1); });
    if (guidance) events[static_cast<std::size_t>(pass.index)] = guidance->events();
    return x;
  };
  Drawn drawn;
  drawn.bytes = draw_samples({.first = first,
                              .count = static_cast<std::int64_t>(asked.size()),
                              .shape = {3, d.side, d.side},
                              .seed = d.seed,
                              .device = d.device,
                              .passes = d.passes},
                             sampler, progress);
  for (const GuidanceEvents& met : events) drawn.events += met;
  return drawn;
}

}  // namespace assay::ed_dpm
