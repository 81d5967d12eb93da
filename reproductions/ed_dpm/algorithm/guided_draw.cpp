#include "reproductions/ed_dpm/algorithm/guided_draw.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <optional>

#include "diffusion/guidance/classifier_free.h"
#include "reproductions/samples/image_tensors.h"
#include "reproductions/samples/sample_noise.h"

namespace assay::ed_dpm {

Drawn draw_guided(const GuidedDraw& d, const std::vector<std::int64_t>& asked, std::int64_t first,
                  const std::function<void(std::int64_t)>& progress) {
  const auto count = static_cast<std::int64_t>(asked.size());
  const AdmSampler sampler(d.process, d.sampling);
  std::vector<GuidanceEvents> events(asked.size());  // of each pass, added up in order
  const auto pass_of_images = [&](const SamplePass& pass) {
    const std::vector<std::int64_t> ids = pass.of(asked);
    at::Tensor classes = at::empty({pass.rows}, at::kLong);
    std::copy(ids.begin(), ids.end(), classes.mutable_data_ptr<std::int64_t>());
    classes = classes.to(d.device);
    std::optional<ClassifierGuidance> classifier;
    if (d.classifier) {
      classifier.emplace(*d.classifier, classes, d.guidance, first + pass.begin);
      classifier->count_only(pass.kept);
    }
    at::Tensor condition;
    if (d.denoiser.condition_size() > 0)
      condition = at::zeros({pass.rows, d.denoiser.condition_size()}, at::TensorOptions(at::kFloat).device(d.device))
                      .scatter(1, classes.unsqueeze(1), 1.0);
    const auto noise = [&](std::int64_t step) {
      return sample_noise(first + pass.begin, pass.rows, {3, d.side, d.side}, d.seed, step).to(d.device);
    };
    ClassifierFreeGuidance told(condition);
    GuidanceSum guidance(told);
    if (classifier) guidance.add(*classifier);
    const at::Tensor x =
        sampler.sample(d.denoiser, guidance, noise(0), [&](std::int64_t step) { return noise(step + 1); });
    if (classifier) events[static_cast<std::size_t>(pass.index)] = classifier->events();
    return to_bytes(x);
  };
  Drawn drawn;
  drawn.bytes = draw_in_passes(count, d.passes, pass_of_images, progress);
  for (const GuidanceEvents& met : events) drawn.events += met;
  return drawn;
}

}  // namespace assay::ed_dpm
