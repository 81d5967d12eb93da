#include "reproductions/diffusion_seg/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/error.h"
#include "core/safetensors.h"
#include "reproductions/diffusion_seg/algorithm/palette_masks.h"
#include "reproductions/diffusion_seg/drawn_masks.h"

namespace assay::diffusion_seg {
namespace {

/// [value, mean IoU] of each value of a list, and the value of the highest.
struct Tried {
  std::vector<double> values, sums;

  explicit Tried(std::vector<double> all) : values(std::move(all)), sums(values.size(), 0.0) {
    std::sort(values.begin(), values.end());
  }
  double best() const {
    return values[static_cast<std::size_t>(std::max_element(sums.begin(), sums.end()) - sums.begin())];
  }
  nlohmann::json table(std::int64_t images) const {
    nlohmann::json rows = nlohmann::json::array();
    for (std::size_t i = 0; i < values.size(); ++i) rows.push_back({values[i], sums[i] / static_cast<double>(images)});
    return rows;
  }
};

nlohmann::json tried_on_images(const Study& s, const std::function<void(std::int64_t)>& progress) {
  const CalibrationConfig& config = s.config.calibration;
  Tried thresholds(config.thresholds);
  std::map<std::string, Tried> lambdas;
  for (const CutArm arm : energy_arms) lambdas.emplace(name_of(arm, cut_arm_names), Tried(config.lambdas));
  std::int64_t done = 0, used = 0;
  for (const std::vector<std::int64_t>& numbers : parts_of(first_calibrating, config.images)) {
    const ObservedImages drawn = draw_observed(s.observed(), 0, numbers, [&](std::int64_t n) { progress(done + n); });
    done += static_cast<std::int64_t>(numbers.size());
    const DrawnTruth truth = drawn_truth(s, drawn);
    used += static_cast<std::int64_t>(truth.usable.size());
    for (std::size_t i = 0; i < thresholds.values.size(); ++i) {
      const CutChoices choices{.threshold = thresholds.values[i], .lambda = {}};
      for (const double iou : mask_ious(masks_of(s, CutArm::best_threshold, drawn, truth, choices, 0), truth))
        thresholds.sums[i] += iou;
    }
    for (const CutArm arm : energy_arms) {
      Tried& tried = lambdas.at(name_of(arm, cut_arm_names));
      for (std::size_t i = 0; i < tried.values.size(); ++i) {
        const CutChoices choices{.threshold = 0.5, .lambda = {{name_of(arm, cut_arm_names), tried.values[i]}}};
        for (const double iou : mask_ious(masks_of(s, arm, drawn, truth, choices, 0), truth)) tried.sums[i] += iou;
      }
    }
  }
  if (used == 0)
    throw InputError(
        fmt::format("calibration: none of {} drawn images shows an object of the colours of {}; train the "
                    "text model longer, or give cut.energy.lambda and calibration.images=0",
                    config.images, s.run.dataset().name()));
  nlohmann::json found = {{"images", used},
                          {"drawn", config.images},
                          {"threshold", thresholds.best()},
                          {"thresholds", thresholds.table(used)}};
  for (const auto& [arm, tried] : lambdas) {
    found["lambda"][arm] = tried.best();
    found["lambdas"][arm] = tried.table(used);
  }
  return found;
}

}  // namespace

Calibration calibrated(const Study& s) {
  Calibration calibration;
  const CalibrationConfig& config = s.config.calibration;
  if (config.images == 0) {
    for (const CutArm arm : energy_arms)
      calibration.choices.lambda[name_of(arm, cut_arm_names)] = s.config.cut.cut.lambda;
    return calibration;
  }
  const nlohmann::json identity = {{"what", "diffusion_seg calibration"},
                                   {"drawing", s.drawing()},
                                   {"images", config.images},
                                   {"lambdas", config.lambdas},
                                   {"thresholds", config.thresholds}};
  const auto file = s.run.product("attention-cut-choices", identity, [&](const std::filesystem::path& out) {
    SafetensorsWriter writer;
    writer.add_metadata("identity", identity.dump());
    writer.add_metadata("found", tried_on_images(s, s.run.progress("choose lambda", config.images, "images")).dump());
    writer.write(out);
  });
  const SafetensorsFile kept(file);
  const auto identity_there = kept.metadata().find("identity"), found = kept.metadata().find("found");
  if (identity_there == kept.metadata().end() || identity_there->second != identity.dump() ||
      found == kept.metadata().end())
    throw InputError(
        fmt::format("{}: says that it was chosen by other settings than its name does; delete it", file.string()));
  calibration.tried = parse_json(found->second, file.string());
  calibration.choices.threshold = calibration.tried.at("threshold").get<double>();
  calibration.choices.lambda = calibration.tried.at("lambda").get<std::map<std::string, double>>();
  return calibration;
}

void record_calibration(const Study& s, const Calibration& calibration) {
  s.run.stage("calibration", [&](StageOutput& out) {
    if (calibration.tried.is_null()) {
      out.notes.push_back(
          fmt::format("lambda {:g} as configured: nothing was chosen on labelled images", s.config.cut.cut.lambda));
      if (!has_palettes(s.config.dataset.name))
        out.notes.push_back(
            fmt::format("S1 to S3 and S5.gap are not run: the masks of drawn images are known of `shapes` alone, not "
                        "of {}",
                        s.config.dataset.name));
      return;
    }
    const nlohmann::json& tried = calibration.tried;
    const auto images = tried.at("images").get<std::int64_t>();
    out.protocols.push_back({.name = "attention-cut", .choices = {{"calibration", tried.at("drawn")}}});
    const auto add = [&](const std::string& arm, const char* key, const nlohmann::json& rows, double best) {
      for (const nlohmann::json& row : rows)
        out.scores.push_back({.arm = arm,
                              .name = "calibration_iou",
                              .value = row.at(1).get<double>(),
                              .direction = Better::higher,
                              .n = images,
                              .protocol = "attention-cut",
                              .params = {{key, row.at(0)}}});
      const bool at_end = best == rows.front().at(0).get<double>() || best == rows.back().at(0).get<double>();
      out.notes.push_back(fmt::format("{}: {} {:g} is best on {} labelled images{}", arm, key, best, images,
                                      at_end ? ", at the end of what was tried" : ""));
    };
    add("best_threshold", "threshold", tried.at("thresholds"), calibration.choices.threshold);
    for (const auto& [arm, lambda] : calibration.choices.lambda)
      add(arm, "lambda", tried.at("lambdas").at(arm), lambda);
  });
}

}  // namespace assay::diffusion_seg
