#include "reproductions/ed_dpm/guided_draw.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "reproductions/images.h"
#include "reproductions/sample_noise.h"

namespace assay::ed_dpm {

Drawn draw_guided(const GuidedDraw& d, const std::vector<std::int64_t>& asked, std::int64_t first,
                  const std::function<void(std::int64_t)>& progress) {
  at::NoGradGuard no_grad;
  const auto count = static_cast<std::int64_t>(asked.size());
  const std::vector<std::int64_t> shape = {3, d.side, d.side};
  at::Tensor labels = at::empty({count}, at::kLong);
  std::memcpy(labels.mutable_data_ptr<std::int64_t>(), asked.data(), asked.size() * sizeof(std::int64_t));
  labels = labels.to(d.device);
  Drawn drawn;
  std::vector<at::Tensor> parts;
  for (std::int64_t begin = 0; begin < count; begin += d.batch) {
    const std::int64_t size = std::min(d.batch, count - begin);
    const at::Tensor classes = labels.narrow(0, begin, size);
    std::optional<ClassifierGuidance> guidance;
    if (d.classifier) guidance.emplace(*d.classifier, classes, d.guidance, first + begin);
    at::Tensor condition;
    if (d.denoiser.condition_size() > 0)
      condition = at::zeros({size, d.denoiser.condition_size()}, at::TensorOptions(at::kFloat).device(d.device))
                      .scatter(1, classes.unsqueeze(1), 1.0);
    const auto noise = [&](std::int64_t step) {
      return sample_noise(first + begin, size, shape, d.seed, step + 1).to(d.device);
    };
    const at::Tensor x =
        adm_sample(d.process, d.denoiser, d.sampling, sample_noise(first + begin, size, shape, d.seed).to(d.device),
                   condition, guidance ? &*guidance : nullptr, noise);
    parts.push_back(to_bytes(x).to(at::kCPU));
    if (guidance) drawn.events += guidance->events();
    progress(begin + size);
  }
  drawn.bytes = at::cat(parts);
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
