#include "reproductions/ed_dpm/algorithm/guided_draw.h"

#include <ATen/ops/zeros.h>

#include <optional>

#include "diffusion/guidance/classifier_free.h"
#include "kernels/host_tensor.h"
#include "reproductions/samples/drawing.h"

namespace assay::ed_dpm {

Drawn draw_guided(const GuidedDraw& d, const std::vector<std::int64_t>& asked, std::int64_t first,
                  const std::function<void(std::int64_t)>& progress) {
  const AdmSampler sampler(d.process, d.sampling);
  std::vector<GuidanceEvents> events(asked.size());  // of each pass, added up in order
  const auto draw_pass = [&](const SamplePass& pass, const PassNoise& noise) {
    const at::Tensor classes = host_tensor(pass.of(asked)).to(d.device);
    std::optional<ClassifierGuidance> classifier;
    if (d.classifier) {
      classifier.emplace(*d.classifier, classes, d.guidance, first + pass.begin);
      classifier->count_only(pass.kept);
    }
    at::Tensor condition;
    if (d.denoiser.condition_size() > 0)
      condition = at::zeros({pass.rows, d.denoiser.condition_size()}, at::TensorOptions(at::kFloat).device(d.device))
                      .scatter(1, classes.unsqueeze(1), 1.0);
    ClassifierFreeGuidance told(condition);
    GuidanceSum guidance(told);
    if (classifier) guidance.add(*classifier);
    const at::Tensor x =
        sampler.sample(d.denoiser, guidance, noise(0), [&](std::int64_t step) { return noise(step + 1); });
    if (classifier) events[static_cast<std::size_t>(pass.index)] = classifier->events();
    return x;
  };
  Drawn drawn;
  drawn.bytes = draw_samples({.first = first,
                              .count = static_cast<std::int64_t>(asked.size()),
                              .shape = {3, d.side, d.side},
                              .seed = d.seed,
                              .device = d.device,
                              .passes = d.passes},
                             draw_pass, progress);
  for (const GuidanceEvents& met : events) drawn.events += met;
  return drawn;
}

}  // namespace assay::ed_dpm
