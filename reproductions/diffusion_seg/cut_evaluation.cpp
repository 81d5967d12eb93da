#include "reproductions/diffusion_seg/cut_evaluation.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "kernels/host_tensor.h"
#include "metrics/statistics/proportion.h"
#include "reproductions/diffusion_seg/drawn_masks.h"
#include "reproductions/diffusion_seg/mask_scores.h"

namespace assay::diffusion_seg {
namespace {

/// What all arms make of all evaluated images.
struct Evaluated {
  std::vector<at::Tensor> images, truth;
  std::map<std::string, std::vector<at::Tensor>> masks;
  std::int64_t drawn = 0;
};

Evaluated all_masks(const Study& s, const CutChoices& choices) {
  Evaluated all;
  const auto progress = s.run.progress("draw images to cut", s.config.evaluated_images, "images");
  for (const std::vector<std::int64_t>& numbers : parts_of(first_evaluated, s.config.evaluated_images)) {
    const ObservedImages drawn =
        draw_observed(s.observed(), s.run.seed(), numbers, [&](std::int64_t n) { progress(all.drawn + n); });
    all.drawn += static_cast<std::int64_t>(numbers.size());
    const DrawnTruth truth = drawn_truth(s, drawn);
    if (truth.usable.empty()) continue;
    all.images.push_back(rows_of(drawn.images, truth.usable));
    all.truth.push_back(truth.masks);
    for (const auto& [name, arm] : cut_arm_names)
      all.masks[std::string(name)].push_back(masks_of(s, arm, drawn, truth, choices, s.run.seed()));
  }
  if (all.truth.empty())
    throw InputError(
        fmt::format("none of {} drawn images shows an object of the colours of {}; train the text model "
                    "longer, or set evaluated_images=0",
                    all.drawn, s.run.dataset().name()));
  return all;
}

/// The differences that claims are about: of overlap, and of boundaries.
constexpr std::pair<const char*, const char*> compared[] = {
    {"best_threshold", "random"}, {"cut", "best_threshold"}, {"cut", "oracle_threshold"}, {"otsu", "threshold"},
    {"propagated", "threshold"},  {"cut_8", "threshold"},    {"cut", "threshold"},        {"cut", "cut_8"},
    {"cut", "propagated"},        {"cut_colour", "cut"}};

}  // namespace

void evaluate_cuts(const Study& s, const CutChoices& choices) {
  s.run.stage("cut", [&](StageOutput& out) {
    const Evaluated all = all_masks(s, choices);
    const at::Tensor truth = at::cat(all.truth), images = at::cat(all.images);
    const Resampling how{s.config.bootstrap, s.run.seed()};
    nlohmann::json lambdas = choices.lambda;
    const nlohmann::json reference = {
        {"images", "drawn"}, {"masks", "by the colours of the data set"}, {"lambda", lambdas}};
    add_mask_protocols(out, reference);
    out.protocols.push_back({.name = "attention-cut", .choices = reference});
    std::map<std::string, MaskScores> scores;
    std::map<std::string, at::Tensor> masks;
    for (const auto& [name, parts] : all.masks) {
      masks[name] = at::cat(parts);
      scores[name] = score_masks(masks[name], truth);
      add_mask_scores(out, name, scores[name], how);
    }
    for (const auto& [a, b] : compared) {
      add_difference(out, "iou", "tokencut", {a, &scores.at(a).iou}, {b, &scores.at(b).iou}, how);
      add_difference(out, "boundary_f", "boundary-f", {a, &scores.at(a).boundary_f}, {b, &scores.at(b).boundary_f},
                     how);
    }
    const std::int64_t usable = truth.size(0);
    out.scores.push_back({.arm = "drawn",
                          .name = "object_share",
                          .value = static_cast<double>(usable) / static_cast<double>(all.drawn),
                          .direction = Better::higher,
                          .n = all.drawn,
                          .interval = wilson_interval(usable, all.drawn, "Wilson over images"),
                          .protocol = "attention-cut"});
    out.notes.push_back(
        fmt::format("cut: {} of {} drawn images show an object of {:g} to {:g} of their area; the "
                    "others have no mask to be held against",
                    usable, all.drawn, s.config.cut.cut.area_least, s.config.cut.cut.area_most));
    for (const std::string arm : {"cut", "best_threshold"})
      add_overlays(out, s.run, arm, images, masks.at(arm), scores.at(arm).iou);
  });
}

}  // namespace assay::diffusion_seg
