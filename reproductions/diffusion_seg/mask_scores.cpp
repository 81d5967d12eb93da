#include "reproductions/diffusion_seg/mask_scores.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <set>
#include <span>

#include "core/mask_curve_names.h"
#include "kernels/host_tensor.h"
#include "metrics/masks/boundary_f.h"
#include "metrics/masks/connected_component.h"
#include "metrics/masks/saliency_evaluator.h"
#include "metrics/statistics/bootstrap.h"
#include "reproductions/diffusion_seg/algorithm/pair_files.h"

namespace assay::diffusion_seg {
namespace {

const SaliencyLayout& layout() { return saliency_layout(SaliencyProtocol::tokencut); }

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The bootstrap interval of a mean over images.
ScoreInterval interval_of(const std::vector<double>& values, const Resampling& how, const char* what) {
  const auto mean = [&](std::span<const std::int64_t> chosen) {
    double sum = 0;
    for (const std::int64_t i : chosen) sum += values[static_cast<std::size_t>(i)];
    return sum / static_cast<double>(chosen.size());
  };
  return percentile_interval(bootstrap(static_cast<std::int64_t>(values.size()), mean, how.replicates, how.seed, 1),
                             fmt::format("{} over images, {}", what, how.replicates));
}

/// Of the measures of the protocol those with these names.
void add_saliency(StageOutput& out, const std::string& arm, const MaskScores& scores, const Resampling& how,
                  const nlohmann::json& params, const std::set<std::string>& names) {
  std::vector<std::int64_t> used(scores.iou.size());
  std::iota(used.begin(), used.end(), std::int64_t{0});
  const std::vector<double> values = saliency_values(layout(), scores.saliency, used);
  const std::vector<std::vector<double>> replicates =
      saliency_bootstrap(layout(), scores.saliency, used, how.replicates, how.seed, 1);
  const std::string method = fmt::format("bootstrap over images, {}", how.replicates);
  for (std::size_t m = 0; m < values.size(); ++m)
    if (names.contains(layout().measures[m].name))
      out.scores.push_back({.arm = arm,
                            .name = layout().measures[m].name,
                            .value = values[m],
                            .direction = Better::higher,
                            .n = scores.images(),
                            .interval = percentile_interval(replicates[m], method),
                            .protocol = "tokencut",
                            .params = params});
}

/// Adds an image's precision and recall of what reaches each level.
void add_levels(const MaskPair& pair, MaskScores& scores) {
  std::array<std::int64_t, 257> hits{}, alarms{};  // pixels of at least a grey level, on and off the true mask
  const std::int64_t pixels = static_cast<std::int64_t>(pair.width) * pair.height;
  for (std::int64_t i = 0; i < pixels; ++i) ++(pair.truth[i] >= 128 ? hits : alarms)[pair.prediction[i]];
  for (std::size_t level = 256; level-- > 0;) {
    hits[level] += hits[level + 1];
    alarms[level] += alarms[level + 1];
  }
  for (std::int64_t i = 0; i < mask_levels; ++i) {
    const auto level = static_cast<std::size_t>(i * mask_level_step);
    const std::int64_t found = hits[level] + alarms[level];
    scores.precision.push_back(found > 0 ? static_cast<double>(hits[level]) / static_cast<double>(found) : 1.0);
    scores.recall.push_back(static_cast<double>(hits[level]) / static_cast<double>(hits[0]));
  }
}

/// Means over images of precision, recall and F along the levels.
void add_curves(StageOutput& out, const std::string& arm, const MaskScores& scores) {
  constexpr double beta_squared = 0.3;
  std::vector<std::int64_t> levels;
  std::vector<double> precision(mask_levels), recall(mask_levels), f(mask_levels);
  for (std::size_t level = 0; level < static_cast<std::size_t>(mask_levels); ++level) {
    levels.push_back(static_cast<std::int64_t>(level) * mask_level_step);
    for (std::size_t at = level; at < scores.precision.size(); at += static_cast<std::size_t>(mask_levels)) {
      const double p = scores.precision[at], r = scores.recall[at], divisor = beta_squared * p + r;
      precision[level] += p;
      recall[level] += r;
      f[level] += divisor > 0 ? (1 + beta_squared) * p * r / divisor : 0;
    }
    for (std::vector<double>* const curve : {&precision, &recall, &f})
      (*curve)[level] /= static_cast<double>(scores.images());
  }
  out.curves.push_back({name_of(MaskCurveName{MaskCurve::precision, arm}), levels, std::move(precision)});
  out.curves.push_back({name_of(MaskCurveName{MaskCurve::recall, arm}), levels, std::move(recall)});
  out.curves.push_back({name_of(MaskCurveName{MaskCurve::f, arm}), levels, std::move(f)});
}

const std::uint8_t* plane(const at::Tensor& maps, std::int64_t image) {
  return maps.const_data_ptr<std::uint8_t>() + image * maps.size(1) * maps.size(2);
}

}  // namespace

at::Tensor hardened(const at::Tensor& maps) { return (maps >= 128).to(at::kByte) * 255; }

MaskScores score_masks(const at::Tensor& given, const at::Tensor& truth) {
  const at::Tensor maps = given.contiguous(), masks = truth.contiguous(), hard = hardened(maps);
  const auto height = static_cast<int>(maps.size(1)), width = static_cast<int>(maps.size(2));
  const std::size_t columns = layout().columns;
  MaskScores scores;
  scores.saliency.resize(static_cast<std::size_t>(maps.size(0)) * columns);
  SaliencyEvaluator evaluator;
  BoundaryF boundary;
  for (std::int64_t i = 0; i < maps.size(0); ++i) {
    const std::span<double> row(scores.saliency.data() + static_cast<std::size_t>(i) * columns, columns);
    evaluator.evaluate({plane(maps, i), plane(masks, i), width, height}, SaliencyProtocol::tokencut, row);
    scores.iou.push_back(row[layout().measures.front().first]);
    add_levels({plane(maps, i), plane(masks, i), width, height}, scores);
    scores.boundary_f.push_back(boundary.score({plane(hard, i), plane(masks, i), width, height}).f);
  }
  return scores;
}

void MaskScores::add(const MaskScores& more) {
  saliency.insert(saliency.end(), more.saliency.begin(), more.saliency.end());
  iou.insert(iou.end(), more.iou.begin(), more.iou.end());
  boundary_f.insert(boundary_f.end(), more.boundary_f.begin(), more.boundary_f.end());
  precision.insert(precision.end(), more.precision.begin(), more.precision.end());
  recall.insert(recall.end(), more.recall.begin(), more.recall.end());
}

void add_mask_protocols(StageOutput& out, const nlohmann::json& reference, const std::string& truth) {
  nlohmann::json choices = reference;
  out.protocols.push_back({.name = "boundary-f", .choices = choices});
  choices["truth"] = truth;
  out.protocols.push_back({.name = "tokencut", .choices = std::move(choices)});
}

void add_mask_scores(StageOutput& out, const std::string& arm, const MaskScores& scores, const Resampling& how,
                     const nlohmann::json& params) {
  add_saliency(out, arm, scores, how, params, {"iou", "accuracy", "max_f"});
  add_mean(out, arm, "boundary_f", "", "boundary-f", scores.boundary_f, how, params);
  add_curves(out, params.empty() ? arm : arm + " " + params.dump(), scores);
}

void add_max_f(StageOutput& out, const std::string& arm, const MaskScores& scores, const Resampling& how,
               const nlohmann::json& params) {
  add_saliency(out, arm, scores, how, params, {"max_f"});
}

void add_mean(StageOutput& out, const std::string& arm, const std::string& name, const std::string& unit,
              const std::string& protocol, const std::vector<double>& values, const Resampling& how,
              const nlohmann::json& params) {
  out.scores.push_back({.arm = arm,
                        .name = name,
                        .value = mean_of(values),
                        .unit = unit,
                        .direction = Better::higher,
                        .n = static_cast<std::int64_t>(values.size()),
                        .interval = interval_of(values, how, "bootstrap"),
                        .protocol = protocol,
                        .params = params});
}

void add_difference(StageOutput& out, const std::string& name, const std::string& protocol,
                    const std::pair<std::string, const std::vector<double>*>& a,
                    const std::pair<std::string, const std::vector<double>*>& b, const Resampling& how,
                    const nlohmann::json& params_a) {
  std::vector<double> differences(a.second->size());
  std::transform(a.second->begin(), a.second->end(), b.second->begin(), differences.begin(), std::minus<>());
  out.scores.push_back({.arm = a.first + " - " + b.first,
                        .name = name + " difference",
                        .value = mean_of(differences),
                        .direction = Better::higher,
                        .n = static_cast<std::int64_t>(differences.size()),
                        .interval = interval_of(differences, how, "paired bootstrap"),
                        .protocol = protocol,
                        .params = params_a});
}

double box_hit(const std::optional<BoxCorners>& box, std::span<const BoxCorners> truth) {
  return box && correctly_localised(*box, truth) ? 1.0 : 0.0;
}

std::vector<double> box_hits(const std::vector<std::optional<BoxCorners>>& boxes,
                             const std::vector<BoxCorners>& truth) {
  std::vector<double> hits;
  hits.reserve(boxes.size());
  for (std::size_t i = 0; i < boxes.size(); ++i) hits.push_back(box_hit(boxes[i], std::span(&truth[i], 1)));
  return hits;
}

void add_corloc_protocol(StageOutput& out, const nlohmann::json& reference, const std::string& boxes) {
  nlohmann::json choices = reference;
  choices["boxes"] = boxes;
  out.protocols.push_back({.name = "corloc-lost", .choices = std::move(choices)});
}

void add_corloc(StageOutput& out, const std::string& arm, const std::vector<double>& hits,
                const nlohmann::json& params) {
  const auto n = static_cast<std::int64_t>(hits.size());
  const auto right = std::count(hits.begin(), hits.end(), 1.0);
  out.scores.push_back({.arm = arm,
                        .name = "corloc",
                        .value = mean_of(hits),
                        .direction = Better::higher,
                        .n = n,
                        .interval = corloc_interval(right, n, "Wilson over images"),
                        .protocol = "corloc-lost",
                        .params = params});
}

std::vector<std::optional<BoxCorners>> boxes_of(const at::Tensor& maps) {
  const at::Tensor hard = hardened(maps).contiguous();
  std::vector<std::optional<BoxCorners>> boxes;
  boxes.reserve(static_cast<std::size_t>(hard.size(0)));
  for (std::int64_t i = 0; i < hard.size(0); ++i) {
    const auto found =
        largest_component(plane(hard, i), static_cast<int>(hard.size(2)), static_cast<int>(hard.size(1)));
    std::optional<BoxCorners>& box = boxes.emplace_back();
    if (found)
      box = BoxCorners{static_cast<double>(found->box.x0), static_cast<double>(found->box.y0),
                       static_cast<double>(found->box.x1), static_cast<double>(found->box.y1)};
  }
  return boxes;
}

void add_overlays(StageOutput& out, const Run& run, const std::string& arm, const at::Tensor& images,
                  const at::Tensor& maps, const std::vector<double>& iou) {
  // Two pairs a row: the first page of a report shows the first five tiles of each row, and so no half of a pair.
  constexpr std::size_t shown = 8, columns = 2;
  std::vector<std::int64_t> order(iou.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return iou[static_cast<std::size_t>(a)] > iou[static_cast<std::size_t>(b)];
  });
  const std::size_t each = std::min(shown, order.size());
  for (const bool best : {true, false}) {
    const std::vector<std::int64_t> some = best ? std::vector<std::int64_t>(order.begin(), order.begin() + each)
                                                : std::vector<std::int64_t>(order.end() - each, order.end());
    const std::string name = fmt::format("{}, {}", arm, best ? "best" : "worst");
    const auto file = run.artifact_folder() / fmt::format("masks-{}-{}.png", arm, best ? "best" : "worst");
    write_pair_sheet(rows_of(images, some), rows_of(hardened(maps), some), columns, file);
    out.artifacts.push_back({.name = name,
                             .kind = "image-grid",
                             .file = file,
                             .meta = {{"arm", name},
                                      {"seed", run.seed()},
                                      {"rows", (each + columns - 1) / columns},
                                      {"columns", 2 * std::min(columns, each)}}});
  }
}

}  // namespace assay::diffusion_seg
