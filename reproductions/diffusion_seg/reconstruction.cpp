#include "reproductions/diffusion_seg/reconstruction.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "metrics/generative/psnr.h"
#include "reproductions/diffusion_seg/mask_scores.h"
#include "reproductions/sample_artifacts.h"

namespace assay::diffusion_seg {

void reconstruct(const Study& s) {
  const FeatureOptions& features = s.config.inversion.features;
  std::vector<std::int64_t> all_steps = s.config.inversion.compared_steps;
  if (all_steps.empty()) return;
  if (std::find(all_steps.begin(), all_steps.end(), features.steps) == all_steps.end()) {
    all_steps.push_back(features.steps);
    std::sort(all_steps.begin(), all_steps.end());
  }
  s.run.stage("inversion", [&](StageOutput& out) {
    const std::string convention = name_of(features.convention, inversion_convention_names);
    out.protocols.push_back(
        {.name = "inversion", .choices = {{"model", s.model_hash}, {"convention", convention}, {"prompt", ""}}});
    const std::int64_t n = std::min(s.config.inversion.images, s.real.images.size(0));
    const at::Tensor images = s.real.images.narrow(0, 0, n), given = from_bytes(images);
    const std::int64_t shown = std::min<std::int64_t>(10, n);
    const Resampling how{s.config.bootstrap, s.run.seed()};
    std::vector<at::Tensor> rows = {images.narrow(0, 0, shown)};
    std::vector<std::vector<double>> values;
    for (const std::int64_t steps : all_steps) {
      const at::Tensor back =
          reconstructed(*s.model, inversion_of(*s.model, features.convention, steps), images, s.passes(),
                        s.run.progress(fmt::format("invert in {} steps", steps), n, "images"));
      values.push_back(psnr(back, given, 2.0));
      add_mean(out, "inversion", "psnr", "dB", "inversion", values.back(), how, {{"steps", steps}});
      rows.push_back(to_bytes(back.narrow(0, 0, shown)));
    }
    add_difference(out, "psnr", "inversion", {"inversion", &values.back()}, {"inversion", &values.front()}, how,
                   {{"steps", all_steps.back()}});
    out.artifacts.push_back(sample_picture("inverted", at::cat(rows), s.run.artifact_folder() / "inverted.png",
                                           {{"arm", "inverted"}, {"seed", s.run.seed()}, {"steps", all_steps}}));
  });
}

}  // namespace assay::diffusion_seg
