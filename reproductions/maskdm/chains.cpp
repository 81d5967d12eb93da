#include "reproductions/maskdm/chains.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/elapsed.h"
#include "reproductions/maskdm/algorithm/learning_curve.h"
#include "reproductions/sample_artifacts.h"
#include "reproductions/samples/sample_files.h"

namespace assay::maskdm {
namespace {

/// A point of a chain at which its moving average is sampled.
struct Point {
  double gflop = 0;
  std::size_t phase = 0;
  std::int64_t step = 0;
};

/// A chain with the steps of its phases, and its points.
struct PlannedChain {
  const Chain* chain = nullptr;
  std::vector<PlannedPhase> phases;
  std::vector<Point> points;  // ascending; the last is the end
};

/// Whether what the network draws before anything was unmasked is of interest.
bool shows_pretraining(const Chain& chain) {
  return chain.curve && chain.phases.size() > 1 && chain.phases.front().mask.kind != MaskOptions::Kind::none;
}

PlannedChain planned(const Study& s, const Chain& chain, const ImageSet& images) {
  const MaskUVit network(s.config.network);
  PlannedChain plan{&chain, {}, {}};
  std::vector<double> step_cost;
  for (std::size_t k = 0; k < chain.phases.size(); ++k) {
    PlannedPhase phase{chain.phases[k], &images};
    step_cost.push_back(step_flops(network, phase.options) / 1e9);
    phase.options.steps = affordable_steps(s.config.budget, chain.shares[k], step_cost.back() * 1e9);
    plan.phases.push_back(std::move(phase));
  }
  const double distance = s.config.budget.gflop / static_cast<double>(s.config.budget.points);
  double before = 0;  // shares of earlier phases
  std::int64_t reached = 1;
  for (std::size_t k = 0; chain.curve && k < plan.phases.size(); ++k) {
    const double end = before + chain.shares[k];
    // The end of the chain is a point anyway; a point on the border of two phases belongs to the earlier one.
    for (; static_cast<double>(reached) * distance < s.config.budget.gflop * (chain.share() - 1e-9); ++reached) {
      const double gflop = static_cast<double>(reached) * distance;
      if (gflop > s.config.budget.gflop * (end + 1e-9)) break;
      const auto step = std::llround((gflop - before * s.config.budget.gflop) / step_cost[k]);
      plan.points.push_back({gflop, k, std::clamp<std::int64_t>(step, 1, plan.phases[k].options.steps)});
    }
    before = end;
  }
  plan.points.push_back(
      {s.config.budget.gflop * chain.share(), plan.phases.size() - 1, plan.phases.back().options.steps});
  const auto keep = [&](std::size_t phase, std::int64_t step) {
    std::vector<std::int64_t>& snapshots = plan.phases[phase].snapshots;
    if (snapshots.empty() || snapshots.back() < step) snapshots.push_back(step);
  };
  for (const Point& point : plan.points) keep(point.phase, point.step);
  if (shows_pretraining(chain)) keep(0, plan.phases.front().options.steps);
  return plan;
}

const TrainedPhase::Snapshot& snapshot_at(const TrainedPhase& phase, std::int64_t step) {
  return *std::find_if(phase.snapshots.begin(), phase.snapshots.end(),
                       [&](const TrainedPhase::Snapshot& snapshot) { return snapshot.step == step; });
}

std::filesystem::path sample_file(const Study& s, const std::string& arm) {
  return s.run.artifact_folder() / fmt::format("samples-{}.safetensors", arm);
}

/// Samples one network of a chain and scores it. Returns fd-small.
double score_point(Study& s, const std::string& arm, const at::Tensor& average, const Point& point, double seconds,
                   bool keep, const FdSmall& fd) {
  const nlohmann::json params = budget_params(point.gflop);
  const nlohmann::json result = s.run.stage(fmt::format("sample:{}:{:g}", arm, point.gflop), [&](StageOutput& out) {
    const auto network = make_network(s);
    network->parameters().assign(average.to(s.run.device()));
    const auto start = std::chrono::steady_clock::now();
    const at::Tensor bytes = draw(s, *network, fmt::format("sample {} at {:g} GFLOP", arm, point.gflop));
    const SampleConfig& sample = s.config.sample;
    out.timings.push_back(
        {.op = "sample",
         .variant = "one evaluation a step",
         .shape = fmt::format("{}, {} steps", batch_shape(passes_of(s).rows_of(sample.count), s.config.dataset.size),
                              sample.steps),
         .seconds = seconds_since(start),
         .items = sample.count,
         .item_unit = "images",
         .flops = network->cost().flops * static_cast<double>(sample.count * sample.steps)});
    const at::Tensor features = fd.features(from_bytes(bytes));
    out.protocols.push_back(fd.protocol());
    out.protocols.push_back({.name = "training", .choices = {{"budget_gflop", s.config.budget.gflop}}});
    out.scores.push_back(fd.score(arm, features, params));
    out.scores.push_back({.arm = arm,
                          .name = "train_seconds",
                          .value = seconds,
                          .unit = "s",
                          .direction = Better::lower,
                          .n = 1,
                          .protocol = "training",
                          .params = params});
    if (keep) {
      const std::filesystem::path file = sample_file(s, arm);
      out.artifacts.push_back(stored_samples(arm, file, bytes, features, {{"arm", arm}, {"gflop", point.gflop}}));
      out.artifacts.push_back(sample_picture(fmt::format("{} after {:g} GFLOP", arm, point.gflop), bytes,
                                             std::filesystem::path(file).replace_extension(".png"),
                                             {{"arm", arm}, {"gflop", point.gflop}, {"seed", s.run.seed()}}));
    }
    out.result = {{"fd", out.scores.front().value}};
  });
  return result.at("fd").get<double>();
}

/// The curves of one chain.
struct Curves {
  std::string arm;
  LearningCurve by_gflop, by_seconds;
};

/// Trains and scores one chain; nothing where it diverged.
std::optional<Curves> run_chain(Study& s, const Chain& chain, const ImageSet& images, const FdSmall& fd) {
  const PlannedChain plan = planned(s, chain, images);
  const std::vector<FinishedPhase> finished = train_phases(s, chain.name, plan.phases);
  if (finished.back().trained.diverged_at) return std::nullopt;
  Curves curves{chain.name, {}, {}};
  double seconds_before = 0;
  std::size_t phase = 0;
  for (std::size_t i = 0; i < plan.points.size(); ++i) {
    const Point& point = plan.points[i];
    for (; phase < point.phase; ++phase) seconds_before += finished[phase].trained.seconds;
    const TrainedPhase::Snapshot& snapshot = snapshot_at(finished[phase].trained, point.step);
    const double seconds = seconds_before + snapshot.seconds;
    const double fd_small =
        score_point(s, chain.name, snapshot.average, point, seconds, i + 1 == plan.points.size(), fd);
    curves.by_gflop.x.push_back(point.gflop);
    curves.by_gflop.y.push_back(fd_small);
    curves.by_seconds.x.push_back(seconds);
    curves.by_seconds.y.push_back(fd_small);
  }
  if (shows_pretraining(chain)) {
    const Point end{s.config.budget.gflop * chain.shares.front(), 0, plan.phases.front().options.steps};
    const TrainedPhase::Snapshot& snapshot = snapshot_at(finished.front().trained, end.step);
    score_point(s, chain.name + ".masked", snapshot.average, end, snapshot.seconds, true, fd);
  }
  return curves;
}

/// Areas under the learning curves, and the values at equal seconds.
void compare_curves(Study& s, const std::vector<Curves>& curves, const FdSmall& fd) {
  std::vector<LearningCurve> by_gflop, by_seconds;
  for (const Curves& curve : curves) {
    by_gflop.push_back(curve.by_gflop);
    by_seconds.push_back(curve.by_seconds);
  }
  const Stretch operations = common_stretch(by_gflop), seconds = common_stretch(by_seconds);
  s.run.stage("curves", [&](StageOutput& out) {
    out.protocols.push_back(fd.protocol());
    const auto add = [&](const std::string& arm, const char* name, double value) {
      out.scores.push_back({.arm = arm,
                            .name = name,
                            .value = value,
                            .direction = Better::lower,
                            .n = s.config.sample.count,
                            .protocol = "fd-small"});
    };
    for (const Curves& curve : curves) {
      if (operations.from < operations.to)
        add(curve.arm, "fd_area_gflop", curve.by_gflop.mean(operations.from, operations.to));
      if (seconds.from < seconds.to) {
        add(curve.arm, "fd_area_seconds", curve.by_seconds.mean(seconds.from, seconds.to));
        add(curve.arm, "fd_at_equal_seconds", curve.by_seconds.at(seconds.to));
      }
    }
    out.notes.push_back(
        fmt::format("learning curves compared from {:g} to {:g} GFLOP and from {:.1f} to {:.1f} s of training",
                    operations.from, operations.to, seconds.from, seconds.to));
  });
}

/// Differences to training from scratch within this seed, paired by the noise that sample i shares.
void paired_differences(Study& s, const FdSmall& fd) {
  s.run.stage("paired", [&](StageOutput& out) {
    out.protocols.push_back(fd.protocol());
    for (const Contrast& contrast : plan_of(s.config).contrasts) {
      if (contrast.metric != "fd-small") continue;
      const auto a = sample_file(s, contrast.arm_a), b = sample_file(s, contrast.arm_b);
      if (std::filesystem::exists(a) && std::filesystem::exists(b))
        out.scores.push_back(fd.difference(contrast.arm_a, read_sample_features(a), contrast.arm_b,
                                           read_sample_features(b), contrast.params_a));
    }
  });
}

}  // namespace

nlohmann::json budget_params(double gflop) { return {{"gflop", gflop}}; }

nlohmann::json final_params(const Config& config, const Chain& chain) {
  return budget_params(config.budget.gflop * chain.share());
}

MethodPlan plan_of(const Config& config) {
  MethodPlan plan;
  const auto scratch = std::find_if(config.chains.begin(), config.chains.end(),
                                    [](const Chain& chain) { return chain.name == "scratch"; });
  if (scratch == config.chains.end()) return plan;
  for (const Chain& chain : config.chains) {
    if (chain.name == scratch->name) continue;
    plan.contrasts.push_back({.metric = "fd-small",
                              .protocol = "fd-small",
                              .arm_a = chain.name,
                              .arm_b = scratch->name,
                              .params_a = final_params(config, chain),
                              .params_b = final_params(config, *scratch)});
    if (!chain.curve || !scratch->curve) continue;
    for (const char* metric : {"fd_area_gflop", "fd_area_seconds", "fd_at_equal_seconds"})
      plan.contrasts.push_back({.metric = metric, .protocol = "fd-small", .arm_a = chain.name, .arm_b = scratch->name});
  }
  return plan;
}

void chains(Study& s, const FdSmall& fd) {
  const ImageSet images = all_training_images(s);
  std::vector<Curves> curves;
  for (const Chain& chain : s.config.chains)
    if (std::optional<Curves> found = run_chain(s, chain, images, fd); found && chain.curve)
      curves.push_back(std::move(*found));
  if (!curves.empty()) compare_curves(s, curves, fd);
  paired_differences(s, fd);
}

}  // namespace assay::maskdm
