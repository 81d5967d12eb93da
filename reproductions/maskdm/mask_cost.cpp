#include "reproductions/maskdm/mask_cost.h"

#include <fmt/format.h>

#include "metrics/statistics/bootstrap.h"
#include "metrics/statistics/rank_correlation.h"
#include "reproductions/maskdm/algorithm/step_cost.h"

namespace assay::maskdm {
namespace {

/// Rates are timed in turn so many times over, so that a slow moment of the machine falls on all of them.
constexpr int rounds = 3;

}  // namespace

void mask_cost(Study& s) {
  const CostConfig& config = s.config.cost;
  if (config.rates.empty()) return;
  s.run.stage("cost", [&](StageOutput& out) {
    std::vector<MaskOptions> masks;
    for (const double rate : config.rates) {
      masks.push_back(config.mask);
      masks.back().rate = rate;
      if (rate == 0) masks.back().kind = MaskOptions::Kind::none;
    }
    CostedStep step(s.config.network, config.batch, s.run.device());
    std::vector<std::vector<double>> seconds(masks.size());
    const auto progress = s.run.progress("time steps", static_cast<std::int64_t>(rounds * masks.size()), "rates");
    std::int64_t done = 0;
    for (int round = 0; round < rounds; ++round)
      for (std::size_t i = 0; i < masks.size(); ++i) {
        step.seconds(masks[i]);  // warms caches
        for (std::int64_t k = 0; k < config.steps; ++k) seconds[i].push_back(step.seconds(masks[i]));
        progress(++done);
      }

    out.protocols.push_back(
        {.name = "training",
         .choices = {{"mask", to_json(config.mask)}, {"batch", config.batch}, {"threads", "those of the seed"}}});
    std::vector<double> medians;
    for (std::size_t i = 0; i < masks.size(); ++i) {
      medians.push_back(quantile(seconds[i], 0.5));
      const auto n = static_cast<std::int64_t>(seconds[i].size());
      out.timings.push_back({.op = "train_step",
                             .variant = fmt::format("mask rate {}", config.rates[i]),
                             .shape = batch_shape(config.batch, s.config.dataset.size),
                             .seconds = medians.back(),
                             .items = config.batch,
                             .item_unit = "images",
                             .flops = step.flops(masks[i])});
      if (i == 0) continue;
      const std::string arm = fmt::format("m{}", config.rates[i]);
      const double time = medians[i] / medians[0], flops = step.flops(masks[i]) / step.flops(masks[0]);
      const auto add = [&](const char* name, double value) {
        out.scores.push_back({.arm = arm,
                              .name = name,
                              .value = value,
                              .direction = Better::lower,
                              .n = n,
                              .protocol = "training",
                              .params = {{"rate", config.rates[i]}}});
      };
      add("relative_step_time", time);
      add("relative_flops", flops);
      add("time_over_flops", time / flops);
    }
    if (medians.size() >= 3)
      out.scores.push_back({.arm = "cost",
                            .name = "spearman_rate_time",
                            .value = spearman(config.rates, medians),
                            .direction = Better::lower,
                            .n = static_cast<std::int64_t>(medians.size()),
                            .protocol = "training"});
  });
}

}  // namespace assay::maskdm
