#include "app/torch/run_tables.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <optional>
#include <set>

namespace assay {
namespace {

/// A JSON value as people write it.
std::string plain(const nlohmann::json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::string members(const nlohmann::json& object) {
  std::string text;
  for (const auto& [key, value] : object.items()) text += (text.empty() ? "" : ", ") + key + " " + plain(value);
  return text;
}

void print_file(const NeededFile& file, std::ostream& out) {
  fmt::print(out, "  file {}: {}; SHA-256 {}{}\n", file.place(), file.present() ? "there" : "missing",
             file.sha256.empty() ? "unknown" : "begins with " + file.sha256,
             file.official.empty() ? "" : ", of " + file.official);
}

bool equal(const PlannedNetwork& a, const PlannedNetwork& b) {
  return a.role == b.role && a.configuration == b.configuration && a.flags == b.flags &&
         a.cost.parameters == b.cost.parameters && a.cost.flops == b.cost.flops;
}

/// The networks of all rows, each once.
std::vector<PlannedNetwork> networks_of(const PublishedPlan& plan) {
  std::vector<PlannedNetwork> networks;
  for (const PlannedRow& row : plan.rows)
    for (const PlannedNetwork& network : row.networks)
      if (std::none_of(networks.begin(), networks.end(), [&](const auto& known) { return equal(known, network); }))
        networks.push_back(network);
  return networks;
}

void print_row(const PublishedPlan& plan, const PlannedRow& row, std::ostream& out) {
  fmt::print(out, "  {}\n", row.name);
  for (const PlannedNetwork& network : row.networks)
    fmt::print(out, "    {}: {}\n", network.role, network.configuration);
  fmt::print(out, "    {}\n", members(row.settings));
  fmt::print(out,
             "    {} images of {:.4g} TFLOP; {:.1f} GB, {:.1f} GB while loading; about {:.3g} hours on this machine\n",
             row.images, row.flops / 1e12, static_cast<double>(row.memory_bytes) / 1e9,
             static_cast<double>(row.loading_bytes) / 1e9, plan.hours(row));
  if (row.training_flops > 0)
    fmt::print(out, "    after a training of {:.4g} TFLOP, counted in these hours\n", row.training_flops / 1e12);
  for (const std::string& place : row.departures) fmt::print(out, "    not as published: {}\n", place);
  for (const std::string& fact : row.unknown) fmt::print(out, "    unknown: {}\n", fact);
}

void print_published(const PublishedPlan& plan, std::ostream& out) {
  fmt::print(out, "  this machine: {:.3g} GFLOP/s: {}\n", plan.speed.flops_per_second / 1e9, plan.speed.how);
  for (const NeededFile& file : plan.files()) print_file(file, out);
  for (const PlannedNetwork& network : networks_of(plan))
    fmt::print(out, "  network {}: {} parameters, {:.1f} GFLOP an image and pass; {}\n", network.configuration,
               network.cost.parameters, network.cost.flops / 1e9, members(network.flags));
  for (const PlannedRow& row : plan.rows) print_row(plan, row, out);
}

std::string bounds(const std::optional<ScoreInterval>& interval) {
  return interval ? fmt::format("[{:.4g}, {:.4g}]", interval->low, interval->high) : "[-, -]";
}

/// An arm and what tells this score from its others; w_cfg follows from w.
std::string arm_of(const ScoreRow& score) {
  std::string text = score.arm;
  for (const auto& [key, value] : score.params.items())
    if (key != "w_cfg") text += fmt::format(" {}={}", key, plain(value));
  return text;
}

void print_run(const RunResult& result, std::ostream& out) {
  const RunRow& run = result.run;
  fmt::print(out, "run {}: {} seed {} {}{}\n", run.id, run.method, run.seed, name_of(run.status),
             run.reason.empty() ? "" : ": " + run.reason.substr(0, run.reason.find('\n')));
  const auto shown = [](const ScoreRow& score) { return score.name == "fd-small" || score.name == "fid"; };
  std::size_t width = 0;
  for (const ScoreRow& score : result.scores)
    if (shown(score)) width = std::max(width, arm_of(score).size());
  for (const ScoreRow& score : result.scores)
    if (shown(score))
      fmt::print(out, "  {:<{}} {} {:>9}  {}  n = {}\n", arm_of(score), width, score.protocol,
                 fmt::format("{:.4g}", score.value), bounds(score.interval), score.n);
}

/// Arms of comparisons whose metric and arms are the same differ in their parameters.
bool needs_parameters(const ComparisonRow& row, const std::vector<ComparisonRow>& all) {
  return row.arm_a == row.arm_b ||
         std::count_if(all.begin(), all.end(), [&](const ComparisonRow& other) {
           return other.metric == row.metric && other.arm_a == row.arm_a && other.arm_b == row.arm_b;
         }) > 1;
}

void print_comparison(const ComparisonRow& row, const std::vector<ComparisonRow>& all, std::ostream& out) {
  std::string name = fmt::format("{} - {}", row.arm_a, row.arm_b);
  if (needs_parameters(row, all) && !row.params_b.empty()) name += fmt::format(" {}", row.params_b.dump());
  fmt::print(out, "  {:<5} {:<46} {:>9}  {}  {} seed(s)\n", row.metric, name, fmt::format("{:.4g}", row.difference),
             bounds(row.interval), row.seeds.size());
}

}  // namespace

void print_plans(const std::vector<RunPlan>& plans, std::ostream& out) {
  for (const RunPlan& plan : plans) {
    fmt::print(out, "{}, tier {}, {} seed(s)\n", plan.method, plan.tier, plan.seeds.size());
    for (const std::string& step : plan.steps) fmt::print(out, "  {}\n", step);
    if (plan.published) print_published(*plan.published, out);
    for (const std::string& missing : plan.missing) fmt::print(out, "  missing: {}\n", missing);
  }
}

void print_batch(const BatchResult& result, const std::filesystem::path& store, std::ostream& out) {
  for (const RunResult& run : result.runs) print_run(run, out);
  if (!result.comparisons.empty()) fmt::print(out, "paired differences\n");
  for (const ComparisonRow& row : result.comparisons) print_comparison(row, result.comparisons, out);
  if (!result.runs.empty())
    for (const ClaimRow& claim : result.runs.front().claims)
      fmt::print(out, "claim {:<24} {:<13} {}\n", claim.name, name_of(claim.verdict), claim.statement);
  fmt::print(out, "recorded in {}\n", store.string());
}

std::vector<std::string> notes_of_runs(const BatchResult& result) {
  std::vector<std::string> notes;
  std::set<std::string> said;
  for (const RunResult& run : result.runs)
    for (const NoteRow& note : run.notes)
      if (said.insert(note.text).second) notes.push_back(note.text);
  return notes;
}

}  // namespace assay
