#include "reproductions/maskdm/step_cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "metrics/bootstrap.h"
#include "metrics/rank_correlation.h"

namespace assay::maskdm {
namespace {

/// Rates are timed in turn so many times over, so that a slow moment of the machine falls on all of them.
constexpr int rounds = 3;

/// Seconds of some steps of the trainer itself, without its first, which warms caches.
std::vector<double> time_steps(Study& s, const StageOptions& stage) {
  const TrainingImages images = images_in_memory(s.train.images);
  const std::filesystem::path file = s.run.artifact_folder() / "step-cost.safetensors";
  const auto network = make_network(s);
  StageRun run{s.process, images, s.config.optimizer, s.run.seed()};
  train_stage(*network, stage, run, file, "step cost");
  const TrainedStage trained = read_stage(file, "step cost");
  std::filesystem::remove(file);
  if (trained.diverged_at) throw Error("step cost: the loss is not finite");
  return {trained.step_seconds.begin() + 1, trained.step_seconds.end()};
}

}  // namespace

void step_cost(Study& s) {
  const CostConfig& config = s.config.cost;
  if (config.rates.empty()) return;
  s.run.stage("cost", [&](StageOutput& out) {
    std::vector<StageOptions> stages;
    for (const double rate : config.rates) {
      StageOptions stage;
      stage.mask = config.mask;
      stage.mask.rate = rate;
      if (rate == 0) stage.mask.kind = MaskOptions::Kind::none;
      stage.batch = config.batch;
      stage.steps = config.steps + 1;
      stages.push_back(stage);
    }
    std::vector<std::vector<double>> seconds(stages.size());
    const auto progress = s.run.progress("time steps", static_cast<std::int64_t>(rounds * stages.size()), "rates");
    std::int64_t done = 0;
    for (int round = 0; round < rounds; ++round)
      for (std::size_t i = 0; i < stages.size(); ++i) {
        const std::vector<double> more = time_steps(s, stages[i]);
        seconds[i].insert(seconds[i].end(), more.begin(), more.end());
        progress(++done);
      }

    const MaskUVit network(s.config.network);
    out.protocols.push_back(
        {"training", {{"mask", to_json(config.mask)}, {"batch", config.batch}, {"threads", "those of the seed"}}});
    std::vector<double> medians;
    for (std::size_t i = 0; i < stages.size(); ++i) {
      medians.push_back(quantile(seconds[i], 0.5));
      const auto n = static_cast<std::int64_t>(seconds[i].size());
      out.timings.push_back({"train_step", fmt::format("mask rate {}", config.rates[i]),
                             fmt::format("{}x3x{}x{}", config.batch, s.config.dataset.size, s.config.dataset.size),
                             medians.back(), config.batch, "images", step_flops(network, stages[i])});
      if (i == 0) continue;
      const std::string arm = fmt::format("m{}", config.rates[i]);
      const double time = medians[i] / medians[0],
                   flops = step_flops(network, stages[i]) / step_flops(network, stages[0]);
      const auto add = [&](const char* name, double value) {
        out.scores.push_back(
            {arm, name, value, "", ScoreDirection::lower_is_better, n, {}, "training", {{"rate", config.rates[i]}}});
      };
      add("relative_step_time", time);
      add("relative_flops", flops);
      add("time_over_flops", time / flops);
    }
    if (medians.size() >= 3)
      out.scores.push_back({"cost",
                            "spearman_rate_time",
                            spearman(config.rates, medians),
                            "",
                            ScoreDirection::lower_is_better,
                            static_cast<std::int64_t>(medians.size()),
                            {},
                            "training",
                            nlohmann::json::object()});
  });
}

}  // namespace assay::maskdm
