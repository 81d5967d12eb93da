#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reproductions/method.h"
#include "reproductions/published/config.h"
#include "reproductions/published/sampling.h"
#include "reproductions/published/step_speed.h"
#include "reproductions/samples/sample_passes.h"

namespace assay {

/// Tier `paper` of a method: rows of published tables, each drawn from published weights and scored under published
/// protocols. What is asked of a paper are its files, its costs, what it leaves free, and how a row is drawn; the rest
/// is the same for all of them.
///
/// `PaperConfig` is what a paper reads from its configuration. It has `PublishedConfig published` and `std::vector<Row>
/// rows`, the selected ones in their order, whose Row has the texts `name` (its key in `published`), `arm` (of its
/// scores) and `reference` (a key of `references`).
template <class PaperConfig>
class PublishedMethod : public Method {
 public:
  using Row = typename decltype(PaperConfig::rows)::value_type;

  std::vector<std::string> needs() const override {
    std::vector<NeededFile> all;
    for (const Row& row : config_.rows)
      for (NeededFile& file : files(row)) all.push_back(std::move(file));
    return missing_lines(all);
  }

  std::vector<std::string> describe() const override { return {summary_of(config_.published, rows_are_)}; }

  std::optional<PublishedPlan> published_plan(at::Device device) const override {
    PublishedPlan plan;
    bool half = false;
    for (const Row& row : config_.rows) {
      plan.rows.push_back(planned_as_run(row, device));
      half = half || plan.rows.back().half;
    }
    plan.speed = measure_step_speed(device, half);
    return plan;
  }

  void run(Run& run) const override {
    std::set<std::string> used;
    for (const Row& row : config_.rows) used.merge(networks(row));
    check_files(config_.published, used);
    const AddDrawing add_drawing = begin(run);
    PublishedScores scores(run, config_.published);
    for (const Row& row : config_.rows) {
      const PlannedRow planned = planned_as_run(row, run.device());
      PublishedTask task = task_of(planned, config_.published, row.arm, row.reference);
      add_drawing(row, planned, task);
      scores.sample_and_score(task);
    }
  }

 protected:
  /// Sets what a paper alone knows of a row's task: params, timing, draw and, where its shards have facts, sum_up.
  /// These may refer to the row, the plan and the task, and to what the AddDrawing itself holds.
  using AddDrawing = std::function<void(const Row& row, const PlannedRow& planned, PublishedTask& task)>;

  /// `rows_are` is what --dry-run counts, "published row(s)"; `preset` the method's own of Tier::paper, from which
  /// `asked` may depart, and `config` what was read from `asked`.
  PublishedMethod(std::string rows_are, nlohmann::json preset, nlohmann::json asked, PaperConfig config)
      : config_(std::move(config)),
        rows_are_(std::move(rows_are)),
        preset_(std::move(preset)),
        asked_(std::move(asked)) {}

  /// The files that a row reads, as needs() asks for them: those of its own, its reference, and Inception.
  virtual std::vector<NeededFile> files(const Row& row) const = 0;
  /// Settings, networks, operations, memory, and what is unknown of this row alone.
  virtual PlannedRow planned(const Row& row, at::Device device) const = 0;
  /// The keys of `networks` that a row uses. Their checkpoints are looked at before anything is drawn.
  virtual std::set<std::string> networks(const Row& row) const = 0;
  /// JSON pointers that a row may choose besides free_keys().
  virtual std::vector<std::string> also_free(const Row& /*row*/) const { return {}; }
  /// Reads and checks, once a run and before the first row, what rows share or what would be missed after hours.
  virtual AddDrawing begin(Run& run) const = 0;

  const nlohmann::json& preset() const { return preset_; }
  /// How a network sees the images of a row; the most of them at a time; and these as text, "50x3x64x64".
  PassShape passes(at::Device device) const { return passes_of_published_network(device, config_.published.batch); }
  std::int64_t largest_pass(at::Device device) const { return passes(device).rows_of(config_.published.images); }
  std::string pass_shape(at::Device device, std::int64_t side) const {
    return fmt::format("{}x3x{}x{}", largest_pass(device), side, side);
  }

  const PaperConfig config_;

 private:
  PlannedRow planned_as_run(const Row& row, at::Device device) const {
    std::vector<std::string> free = free_keys(config_.published, networks(row));
    for (std::string& pointer : also_free(row)) free.push_back(std::move(pointer));
    PlannedRow plan = planned(row, device);
    plan.name = row.name;
    plan.settings.update({{"arm", row.arm},
                          {"samples", config_.published.images},
                          {"batch", config_.published.batch},
                          {"shard", config_.published.shard},
                          {"protocols", config_.published.protocols}});
    plan.files = files(row);
    plan.images = config_.published.images;
    plan.departures = departures(preset_, asked_, row.name, free);
    const std::vector<std::string>& unknown = config_.published.unknown;
    plan.unknown.insert(plan.unknown.begin(), unknown.begin(), unknown.end());
    return plan;
  }

  std::string rows_are_;
  nlohmann::json preset_, asked_;
};

}  // namespace assay
