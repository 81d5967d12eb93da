#include "reproductions/ed_dpm/algorithm/guided_draw.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <optional>

#include "reproductions/samples/image_tensors.h"
#include "reproductions/samples/sample_noise.h"

namespace assay::ed_dpm {

Drawn draw_guided(const GuidedDraw& d, const std::vector<std::int64_t>& asked, std::int64_t first,
                  const std::function<void(std::int64_t)>& progress) {
  const auto count = static_cast<std::int64_t>(asked.size());
  std::vector<GuidanceEvents> events(asked.size());  // of each pass, added up in order
  const auto pass_of_images = [&](const SamplePass& pass) {
    const std::vector<std::int64_t> ids = pass.of(asked);
    at::Tensor classes = at::empty({pass.rows}, at::kLong);
    std::copy(ids.begin(), ids.end(), classes.mutable_data_ptr<std::int64_t>());
    classes = classes.to(d.device);
    std::optional<ClassifierGuidance> guidance;
    if (d.classifier) {
      guidance.emplace(*d.classifier, classes, d.guidance, first + pass.begin);
      guidance->count_only(pass.kept);
    }
    at::Tensor condition;
    if (d.denoiser.condition_size() > 0)
      condition = at::zeros({pass.rows, d.denoiser.condition_size()}, at::TensorOptions(at::kFloat).device(d.device))
                      .scatter(1, classes.unsqueeze(1), 1.0);
    const auto noise = [&](std::int64_t step) {
      return sample_noise(first + pass.begin, pass.rows, {3, d.side, d.side}, d.seed, step).to(d.device);
    };
    const at::Tensor x =
        adm_sample(d.process, d.denoiser, d.sampling, noise(0), condition, guidance ? &*guidance : nullptr,
                   [&](std::int64_t step) { return noise(step + 1); });
    if (guidance) events[static_cast<std::size_t>(pass.index)] = guidance->events();
    return to_bytes(x);
  };
  Drawn drawn;
  drawn.bytes = draw_in_passes(count, d.passes, pass_of_images, progress);
  for (const GuidanceEvents& met : events) drawn.events += met;
  return drawn;
}

void record_events(const std::string& arm, const GuidanceEvents& events, const nlohmann::json& params,
                   StageOutput& out) {
  const auto add = [&](const char* name, double value) {
    out.scores.push_back(
        {arm, name, value, "", ScoreDirection::lower_is_better, events.samples, {}, "guidance-events", params});
  };
  const auto share = [&](std::int64_t count) {
    return static_cast<double>(count) / static_cast<double>(std::max<std::int64_t>(1, events.samples));
  };
  out.protocols.push_back({"guidance-events", {}});
  add("non_finite", static_cast<double>(events.non_finite));
  add("largest_k", events.largest_k);
  add("share_clamped", share(events.clamped));
  add("share_k_above_1e4", share(events.above_1e4));
  add("share_confidently_wrong", share(events.confidently_wrong));
}

}  // namespace assay::ed_dpm
