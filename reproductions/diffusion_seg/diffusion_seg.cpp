#include "reproductions/diffusion_seg/diffusion_seg.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <utility>
#include <vector>

#include "reproductions/diffusion_seg/algorithm/palette_masks.h"
#include "reproductions/diffusion_seg/baselines.h"
#include "reproductions/diffusion_seg/calibration.h"
#include "reproductions/diffusion_seg/config.h"
#include "reproductions/diffusion_seg/cut_evaluation.h"
#include "reproductions/diffusion_seg/mask_scores.h"
#include "reproductions/diffusion_seg/reconstruction.h"
#include "reproductions/diffusion_seg/segmentation.h"
#include "reproductions/diffusion_seg/study.h"
#include "reproductions/diffusion_seg/synthesis.h"
#include "reproductions/real_images.h"
#include "reproductions/tiers.h"

namespace assay::diffusion_seg {
namespace {

/// Stage "real": the problems of the data set, and how exact the masks are that colours show (arm "palette").
void real_images(const Study& s) {
  s.run.stage("real", [&](StageOutput& out) {
    if (has_palettes(s.config.dataset.name)) {
      add_mask_protocols(out, {{"images", "held out"}, {"data", s.run.dataset().hash()}});
      add_mask_scores(out, "palette", score_masks(palette_masks(s.real.images), s.real.masks),
                      {s.config.bootstrap, s.run.seed()});
    }
    if (s.real.left_out > 0)
      out.notes.push_back(
          fmt::format("{} held-out images are left out: no pixel is the object's by half", s.real.left_out));
    for (const Problem& problem : s.run.dataset().problems())
      out.notes.push_back(fmt::format("data set: {}: {}", problem.item, problem.what));
    out.artifacts.push_back(real_picture(s.run, first_training_images(s.run.dataset(), 60), "samples-real.png"));
  });
}

/// The differences that claims are about, of decoders and what they are held against.
constexpr std::pair<const char*, const char*> compared[] = {
    {"inversion", "noised"},           {"inversion", "rgb"},          {"inversion", "inversion_exact"},
    {"inversion", "tokencut"},         {"inversion", "lost"},         {"inversion", "centre_box"},
    {"inversion", "tokencut_centred"}, {"inversion", "lost_centred"}, {"tokencut", "tokencut_untrained"}};

/// Stage "paired": their intervals over images.
void paired(const Study& s, const nlohmann::json& values) {
  s.run.stage("paired", [&](StageOutput& out) {
    const nlohmann::json reference = {{"images", "held out"}, {"data", s.run.dataset().hash()}};
    add_mask_protocols(out, reference);
    add_corloc_protocol(out, reference);
    for (const auto& [a, b] : compared) {
      if (!values.contains(a) || !values.contains(b)) continue;
      for (const auto& [name, protocol] : {std::pair("iou", "tokencut"), {"corloc", "corloc-lost"}}) {
        const auto left = values.at(a).at(name).get<std::vector<double>>(),
                   right = values.at(b).at(name).get<std::vector<double>>();
        add_difference(out, name, protocol, {a, &left}, {b, &right}, {s.config.bootstrap, s.run.seed()});
      }
    }
  });
}

class DiffusionSeg final : public Method {
 public:
  explicit DiffusionSeg(const nlohmann::json& config) : config_(read_config(config)) {}

  std::vector<std::string> needs() const override { return dataset_needs(config_.dataset); }
  std::vector<std::string> describe() const override;
  std::vector<std::function<void(Run&)>> shared_products() const override;
  void run(Run& run) const override;

 private:
  Config config_;
};

std::vector<std::string> DiffusionSeg::describe() const {
  const Config& c = config_;
  std::vector<std::string> lines = {
      fmt::format("data set: {} at {}x{}", c.dataset.name, c.dataset.size, c.dataset.size),
      fmt::format("text model: {} steps of {} images", c.text_model.train.steps, c.text_model.train.batch),
      fmt::format("synthesis: {} images of '{}', {} steps, guidance {:g}; masks of arm {}", c.pairs,
                  c.draw.prompt_template, c.draw.steps, c.draw.guidance, name_of(c.synthesis_arm, cut_arm_names)),
      fmt::format("attention: to the text at {0} x {0}, within the image at {1} x {1}, of predictions {2} to {3}",
                  c.attention.cross_side, c.attention.self_side, c.attention.groups.front().begin,
                  c.attention.groups.front().end - 1)};
  if (c.evaluated_images > 0)
    lines.push_back(fmt::format("cuts: {} arms on {} drawn images, lambda chosen on {}", listed(cut_arm_names).size(),
                                c.evaluated_images, c.calibration.images));
  if (!has_palettes(c.dataset.name))
    lines.push_back(fmt::format("cuts: not scored: the masks of drawn images are known of `shapes` alone, not of {}",
                                c.dataset.name));
  lines.push_back(fmt::format("features: {} at prediction {} of {} of the inversion",
                              fmt::join(c.inversion.features.blocks, ", "), c.inversion.features.prediction,
                              c.inversion.features.steps));
  lines.push_back(fmt::format(
      "decoders: {} steps of {} images, {} pairs; also {} pairs", c.decoder.train.steps, c.decoder.train.batch,
      c.decoder.pairs,
      c.decoder.fewer_pairs.empty() ? "no fewer" : fmt::format("{}", fmt::join(c.decoder.fewer_pairs, ", "))));
  lines.push_back(fmt::format("baselines: a transformer of {} steps; at most {} real images", c.baselines.network.steps,
                              c.real_images));
  return lines;
}

/// The text model with what is chosen on its images, and the transformer.
std::vector<std::function<void(Run&)>> DiffusionSeg::shared_products() const {
  std::vector<std::function<void(Run&)>> products;
  products.emplace_back([this](Run& run) { calibrated(Study(run, config_)); });
  products.emplace_back([this](Run& run) { self_supervised_network(run, config_); });
  return products;
}

void DiffusionSeg::run(Run& run) const {
  const Study s(run, config_);
  real_images(s);
  const Calibration calibration = calibrated(s);
  record_calibration(s, calibration);
  if (config_.evaluated_images > 0) evaluate_cuts(s, calibration.choices);
  const PairSet pairs = synthesised(run, pair_making(s, calibration.choices));
  reconstruct(s);
  nlohmann::json values = baselines(s);
  values.update(segment_by_decoders(s, pairs));
  paired(s, values);
}

}  // namespace

std::unique_ptr<Method> make_method(const nlohmann::json& config) { return std::make_unique<DiffusionSeg>(config); }

}  // namespace assay::diffusion_seg
