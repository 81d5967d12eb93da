#include "reproductions/ed_dpm/oracle_scores.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "diffusion/guidance/entropy.h"
#include "metrics/statistics/proportion.h"
#include "metrics/statistics/rank_correlation.h"
#include "reproductions/ed_dpm/algorithm/oracle.h"

namespace assay::ed_dpm {
namespace {

/// Logits (a, 0, ..., 0) over 1000 classes.
struct ScaleRow {
  double a, k, scaled_norm;  // k = ln C / H; k |e_y - p| for y = 0
};
/// H = ln Z - a e^a / Z and |e_y - p|^2 = (1 - p_y)^2 + (1 - p_y)^2 / (C - 1) with Z = e^a + C - 1, to seven digits.
constexpr std::array<ScaleRow, 7> scale_table = {{{0, 1.000000, 0.9994999},
                                                  {5, 1.079584, 0.9404144},
                                                  {7, 1.733635, 0.8268470},
                                                  {10, 14.44462, 0.6270184},
                                                  {15, 1413.179, 0.4319466},
                                                  {20, 159750.7, 0.3291053},
                                                  {30, 2.383659e9, 0.2229423}}};

/// The largest relative difference from the table.
double table_error() {
  constexpr std::int64_t classes = 1000;
  double worst = 0;
  for (const ScaleRow& row : scale_table) {
    at::Tensor logits = at::zeros({1, classes}, at::kDouble);
    logits.mutable_data_ptr<double>()[0] = row.a;
    const double k = entropy_scale(logits).scale.item<double>();
    at::Tensor gradient = -at::softmax(logits, 1);
    // 1 - p_y as the sum of the others: the difference itself would cancel.
    gradient.mutable_data_ptr<double>()[0] = -gradient.narrow(1, 1, classes - 1).sum().item<double>();
    worst = std::max(
        {worst, std::abs(k / row.k - 1.0), std::abs(k * gradient.norm().item<double>() / row.scaled_norm - 1.0)});
  }
  return worst;
}

}  // namespace

void record_oracle(Run& run) {
  run.stage("oracle", [&](StageOutput& out) {
    const OracleWorld world;
    const OracleFindings found = measure_oracle(run.seed(), world);
    out.protocols.push_back({.name = "oracle",
                             .choices = {{"classes", world.classes},
                                         {"dimensions", world.dimensions},
                                         {"deviation", world.deviation},
                                         {"schedule", "linear"},
                                         {"ddpm_steps", world.sampler_steps},
                                         {"entropy_floor", world.entropy_floor}}});
    const auto add = [&](const std::string& arm, const std::string& name, double value, std::int64_t n,
                         nlohmann::json params = nlohmann::json::object()) {
      out.scores.push_back(
          {.arm = arm, .name = name, .value = value, .n = n, .protocol = "oracle", .params = std::move(params)});
    };
    std::vector<double> steps, entropies, norms, scaled;
    for (const GuidanceTrace::Row& row : found.noised) {
      const nlohmann::json params = {{"t", row.timestep}};
      add("oracle/g", "relative_entropy", row.relative_entropy.median, row.samples, params);
      add("oracle/g", "gradient_norm", row.gradient_norm.median, row.samples, params);
      add("oracle/g_eds", "gradient_norm", row.scaled_norm.median, row.samples, params);
      steps.push_back(static_cast<double>(row.timestep));
      entropies.push_back(row.relative_entropy.median);
      norms.push_back(row.gradient_norm.median);
      scaled.push_back(row.scaled_norm.median);
    }
    add("oracle", "spearman_t_entropy", spearman(steps, entropies), world.noised_samples);
    // The noisiest step comes first, so the last row is the end of sampling.
    const auto ratio = [](const std::vector<double>& medians) {
      return medians.back() / *std::max_element(medians.begin(), medians.end());
    };
    add("oracle/g", "gradient_ratio", ratio(norms), world.noised_samples);
    add("oracle/g_eds", "gradient_ratio", ratio(scaled), world.noised_samples);
    add("oracle/g_eds", "gradient_ratio_gain", ratio(scaled) / ratio(norms), world.noised_samples);
    add("oracle/g", "slope", found.gradient_slope.slope, found.gradient_slope.points);
    add("oracle/g_eds", "slope", found.scaled_slope.slope, found.scaled_slope.points);
    add("oracle", "eds_table_error", table_error(), static_cast<std::int64_t>(scale_table.size()));

    for (const OracleArm& drawn : found.arms) {
      const std::string arm = drawn.entropy_scaling ? "oracle/g_eds" : "oracle/g";
      const nlohmann::json params = {{"gamma", drawn.gamma}};
      const std::int64_t hits = std::llround(drawn.accuracy * static_cast<double>(world.drawn_samples));
      out.scores.push_back({.arm = arm,
                            .name = "accuracy",
                            .value = drawn.accuracy,
                            .direction = Better::higher,
                            .n = world.drawn_samples,
                            .interval = wilson_interval(hits, world.drawn_samples, "Wilson over samples"),
                            .protocol = "oracle",
                            .params = params});
      add(arm, "variance_ratio", drawn.mean_square / (world.deviation * world.deviation), world.drawn_samples, params);
      add(arm, "non_finite", static_cast<double>(drawn.events.non_finite), drawn.events.samples, params);
      add(arm, "largest_k", drawn.events.largest_k, drawn.events.samples, params);
    }
  });
}

}  // namespace assay::ed_dpm
