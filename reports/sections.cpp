#include "reports/sections.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/nearest.h"
#include "core/progress.h"
#include "reports/charts.h"
#include "reports/numbers.h"
#include "reports/summary.h"

namespace assay {
namespace {

constexpr int wide_chart = 860;
constexpr int narrow_chart = 340;

std::string run_anchor(RowId run) { return fmt::format("run-{}", run); }
std::string protocol_anchor(RowId protocol) { return fmt::format("protocol-{}", protocol); }

/// "2026-11-22 12:50 UTC" of "2026-11-22T12:50:03.123Z".
std::string date_text(const std::string& time) {
  return time.size() < 16 ? time : time.substr(0, 10) + " " + time.substr(11, 5) + " UTC";
}

std::optional<double> seconds_of(const std::string& time) {
  std::tm parts{};
  double seconds = 0;
  if (std::sscanf(time.c_str(), "%d-%d-%dT%d:%d:%lfZ", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &parts.tm_hour,
                  &parts.tm_min, &seconds) != 6)
    return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return static_cast<double>(::timegm(&parts)) + seconds;
}

/// The distinct values in the order in which they first occur, empty ones left out.
template <class Row, class Value>
std::vector<std::string> distinct(const std::vector<Row>& rows, Value&& value) {
  std::vector<std::string> values;
  for (const Row& row : rows) {
    std::string text = value(row);
    if (!text.empty() && std::find(values.begin(), values.end(), text) == values.end())
      values.push_back(std::move(text));
  }
  return values;
}

/// A JSON value as people write it: strings without quotes, numbers short.
std::string value_text(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:g}", value.get<double>());
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string members_text(const nlohmann::json& object, const char* between = " ") {
  std::vector<std::string> parts;
  if (object.is_object())
    for (const auto& [key, value] : object.items()) parts.push_back(key + between + value_text(value));
  return join(parts);
}

/// "EPYC 7B13, 2 cores, Debian 12"; what else the machine says follows by name.
std::string machine_text(const nlohmann::json& machine) {
  if (!machine.is_object()) return "";
  std::vector<std::string> parts;
  if (machine.contains("cpu")) parts.push_back(value_text(machine["cpu"]));
  if (machine.contains("cores")) parts.push_back(value_text(machine["cores"]) + " cores");
  if (machine.contains("os")) parts.push_back(value_text(machine["os"]));
  for (const auto& [key, value] : machine.items())
    if (key != "cpu" && key != "cores" && key != "os") parts.push_back(key + " " + value_text(value));
  return join(parts);
}

bool is_weight(const std::string& key) { return key == "w" || key == "w_imagen" || key == "w_cfg"; }

/// Params other than the guidance weight: "k = 100, steps = 25".
std::string other_params(const nlohmann::json& params) {
  std::vector<std::string> parts;
  if (params.is_object())
    for (const auto& [key, value] : params.items())
      if (!is_weight(key)) parts.push_back(key + " = " + value_text(value));
  return join(parts);
}

std::string weight_text(double w) { return fmt::format("{:g}", w); }

/// "w = 2, k = 100".
std::string params_text(const nlohmann::json& params) {
  const std::optional<double> w = guidance_weight(params);
  const std::string others = other_params(params);
  if (!w) return others;
  return fmt::format("w = {}{}{}", weight_text(*w), others.empty() ? "" : ", ", others);
}

std::string direction_text(Better better) {
  switch (better) {
    case Better::lower:
      return "lower is better";
    case Better::higher:
      return "higher is better";
    case Better::unstated:
      break;
  }
  return "";
}

std::string seeds_text(const std::vector<std::int64_t>& seeds) {
  std::vector<std::string> words;
  for (const std::int64_t seed : seeds) words.push_back(std::to_string(seed));
  return join(words);
}

std::string value_of(double value, const std::optional<IntervalRow>& interval) {
  return interval ? format_value(value, interval->low, interval->high)
                  : format_value(value, std::nullopt, std::nullopt);
}

std::string interval_of(const std::optional<IntervalRow>& interval) {
  return interval ? format_interval(interval->low, interval->high) : "";
}

std::string level_text(const IntervalRow& interval) {
  return fmt::format("{:g}%{}{}", interval.level * 100, interval.method.empty() ? "" : ", ", interval.method);
}

/// "Interval: 95 %, t over 3 seeds." of all intervals in a table.
std::string interval_note(const std::vector<std::string>& levels) {
  return levels.empty() ? "No interval is recorded." : fmt::format("Interval: {}.", join(levels, "; "));
}

std::string count_range(const std::vector<ScoreRow>& values) {
  const auto [low, high] =
      std::minmax_element(values.begin(), values.end(), [](const ScoreRow& a, const ScoreRow& b) { return a.n < b.n; });
  if (low->n == high->n) return format_count(low->n);
  return format_count(low->n) + "\u2013" + format_count(high->n);
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
  return text;
}

/// "fd" -> "FD", "accuracy_one_to_one" -> "Accuracy one to one".
std::string metric_title(const std::string& name) {
  static const std::set<std::string> acronyms{"nmi", "ami", "ari", "fid", "kid", "fd", "mae", "iou", "sfid"};
  if (acronyms.contains(name)) return upper(name);
  std::string title = name;
  std::replace(title.begin(), title.end(), '_', ' ');
  return upper(title.substr(0, 1)) + title.substr(std::min<std::size_t>(1, title.size()));
}

bool is_clustering(const std::string& name) {
  static const std::set<std::string> names{
      "nmi",         "ami", "ari", "v_measure", "purity", "accuracy_one_to_one", "homogeneity", "accuracy_many_to_one",
      "completeness"};
  return names.contains(name);
}

// ---- Overview

Tone tone_of(RunStatus status) {
  switch (status) {
    case RunStatus::done:
      return Tone::good;
    case RunStatus::failed:
      return Tone::bad;
    case RunStatus::interrupted:
      return Tone::caution;
    case RunStatus::running:
      break;
  }
  return Tone::neutral;
}

Text status_counts(const std::vector<RunRow>& runs) {
  Text text;
  for (const RunStatus status : {RunStatus::done, RunStatus::running, RunStatus::interrupted, RunStatus::failed}) {
    const auto count = std::count_if(runs.begin(), runs.end(), [&](const RunRow& run) { return run.status == status; });
    if (count == 0) continue;
    if (!text.empty()) text.push_back(plain(" "));
    text.push_back(chip(fmt::format("{} {}", count, name_of(status)), tone_of(status)));
  }
  return text;
}

std::string total_duration(const std::vector<RunRow>& runs) {
  std::optional<double> first, last;
  for (const RunRow& run : runs) {
    const auto begin = seconds_of(run.started_at), end = seconds_of(run.finished_at);
    if (begin && (!first || *begin < *first)) first = begin;
    if (end && (!last || *end > *last)) last = end;
  }
  return first && last ? duration_text(*last - *first) : "";
}

Table runs_table(const ReportData& data) {
  const bool several_methods = distinct(data.runs, [](const RunRow& run) { return run.method; }).size() > 1;
  const bool several_sets = distinct(data.runs, [](const RunRow& run) { return run.dataset; }).size() > 1;
  const bool any_reason = std::any_of(data.runs.begin(), data.runs.end(), [](const RunRow& run) {
    return !run.reason.empty() || run.status == RunStatus::running;
  });
  Table table;
  table.columns.push_back({"Run", true});
  if (several_methods) table.columns.push_back({"Method"});
  if (several_sets) table.columns.push_back({"Data set"});
  table.columns.push_back({"Seed", true});
  table.columns.push_back({"Status"});
  table.columns.push_back({"Started"});
  table.columns.push_back({"Duration", true});
  table.columns.push_back({"Stages done", true});
  if (any_reason) table.columns.push_back({"Reason"});
  for (const RunRow& run : data.runs) {
    const auto begin = seconds_of(run.started_at), end = seconds_of(run.finished_at);
    const auto stages = std::count_if(data.stages.begin(), data.stages.end(),
                                      [&](const StageRow& stage) { return stage.run == run.id; });
    std::vector<Text> row;
    row.push_back({number(std::to_string(run.id))});
    if (several_methods) row.push_back({code(run.method)});
    if (several_sets) row.push_back({code(run.dataset)});
    row.push_back({number(std::to_string(run.seed))});
    row.push_back({chip(name_of(run.status), tone_of(run.status))});
    row.push_back({plain(date_text(run.started_at))});
    row.push_back({plain(begin && end ? duration_text(*end - *begin) : "")});
    row.push_back({number(std::to_string(stages))});
    if (any_reason)
      row.push_back(
          {plain(run.status == RunStatus::running ? "no end recorded: still running, or killed" : run.reason)});
    table.rows.push_back(std::move(row));
    table.anchors.push_back(run_anchor(run.id));
  }
  return table;
}

/// The configurations, runs with equal ones together.
std::vector<Block> configurations(const std::vector<RunRow>& runs) {
  std::vector<std::pair<nlohmann::json, std::vector<std::int64_t>>> groups;
  for (const RunRow& run : runs) {
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return group.first == run.config; });
    if (found != groups.end())
      found->second.push_back(run.id);
    else
      groups.push_back({run.config, {run.id}});
  }
  std::vector<Block> blocks;
  for (const auto& [config, ids] : groups) {
    if (config.empty()) continue;
    Details details;
    details.summary = ids.size() == runs.size() ? "Configuration" : "Configuration of run " + seeds_text(ids);
    details.blocks.push_back(CodeBlock{config.dump(2, ' ', false, nlohmann::json::error_handler_t::replace)});
    blocks.push_back(std::move(details));
  }
  return blocks;
}

Section overview(const ReportData& data) {
  Section section{"Overview", "overview", {}};
  Part part;
  Facts facts;
  const auto add = [&facts](const std::string& name, Text text) {
    if (!text.empty() && !text.front().text.empty()) facts.items.emplace_back(name, std::move(text));
  };
  const auto add_all = [&](const std::string& name, const std::vector<std::string>& values, bool as_code) {
    Text text;
    for (const std::string& value : values) {
      if (!text.empty()) text.push_back(plain(", "));
      text.push_back(as_code ? code(value) : plain(value));
    }
    add(name, std::move(text));
  };
  const std::vector<RunRow>& runs = data.runs;
  add_all("Method", distinct(runs, [](const RunRow& run) { return run.method; }), true);
  add_all("Tier", distinct(runs, [](const RunRow& run) { return run.tier; }), false);
  add_all("Data set", distinct(runs, [](const RunRow& run) { return run.dataset; }), true);
  add_all("Seeds", distinct(runs, [](const RunRow& run) { return std::to_string(run.seed); }), false);
  add("Runs", status_counts(runs));
  if (!runs.empty()) add("Started", {plain(date_text(runs.front().started_at))});
  add("Duration", {plain(total_duration(runs))});
  add_all("Device", distinct(runs, [](const RunRow& run) { return run.device; }), false);
  add_all("Driver", distinct(runs, [](const RunRow& run) { return run.driver; }), false);
  add_all("Machine", distinct(runs, [](const RunRow& run) { return machine_text(run.machine); }), false);
  add_all("Code version", distinct(runs, [](const RunRow& run) { return run.code_version; }), true);
  add_all("Libraries", distinct(runs, [](const RunRow& run) { return members_text(run.libraries); }), false);
  add_all("Data set hash", distinct(runs, [](const RunRow& run) { return run.dataset_hash; }), true);
  if (data.batch) add("Batch", {plain(fmt::format("{} of {}", data.batch->id, data.store.filename().string()))});
  if (!facts.items.empty()) part.blocks.push_back(std::move(facts));
  if (data.batch) {
    part.blocks.push_back(Paragraph{{muted("Command")}});
    part.blocks.push_back(CodeBlock{data.batch->command});
  }
  if (!runs.empty()) part.blocks.push_back(runs_table(data));
  for (Block& block : configurations(runs)) part.blocks.push_back(std::move(block));
  if (!data.other_batches.empty()) {
    Table table;
    table.columns = {{"Batch", true}, {"Recorded"}, {"Command"}};
    for (const BatchRow& batch : data.other_batches)
      table.rows.push_back(
          {{number(std::to_string(batch.id))}, {plain(date_text(batch.created_at))}, {code(batch.command)}});
    Details details{"Other batches in this store", {}};
    details.blocks.push_back(std::move(table));
    part.blocks.push_back(std::move(details));
  }
  section.parts.push_back(std::move(part));
  return section;
}

// ---- Claims

Tone tone_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::supported:
      return Tone::good;
    case Verdict::contradicted:
      return Tone::bad;
    case Verdict::inconclusive:
      return Tone::caution;
    case Verdict::not_run:
      break;
  }
  return Tone::neutral;
}

Section claims(const ReportData& data) {
  Section section{"Claims", "claims", {}};
  if (data.claims.empty()) return section;
  Cards cards;
  for (const ClaimRow& claim : data.claims) {
    Card card;
    card.chip = chip(name_of(claim.verdict), tone_of(claim.verdict));
    card.title = {plain(claim.statement)};
    Text evidence;
    const auto separate = [&evidence] {
      if (!evidence.empty()) evidence.push_back(muted(" \u00B7 "));
    };
    if (claim.statistic) {
      evidence.push_back(plain("statistic "));
      Span value = number(format_value(*claim.statistic, claim.low, claim.high));
      evidence.push_back(value);
      if (claim.low && claim.high) evidence.push_back(number(" " + format_interval(*claim.low, *claim.high)));
    }
    if (!claim.threshold.empty()) {
      separate();
      evidence.push_back(plain("threshold " + claim.threshold));
    }
    if (!claim.seeds.empty()) {
      separate();
      evidence.push_back(plain(fmt::format("{} {} ({})", claim.seeds.size(), claim.seeds.size() == 1 ? "seed" : "seeds",
                                           seeds_text(claim.seeds))));
    }
    if (!evidence.empty()) card.lines.push_back(std::move(evidence));
    if (!claim.note.empty()) card.lines.push_back({plain(claim.note)});
    card.lines.push_back(
        {code(claim.name), muted(" of "), code(claim.method), muted(claim.origin.empty() ? "" : ", " + claim.origin)});
    cards.cards.push_back(std::move(card));
  }
  Part part;
  part.blocks.push_back(std::move(cards));
  section.parts.push_back(std::move(part));
  return section;
}

// ---- Scores

/// Groups that belong into one table.
struct ScoreTable {
  std::string method, tier, dataset, name;
  RowId protocol_id = 0;
  std::vector<const ScoreGroup*> groups;
};

/// By method, data set, metric and protocol, in the order of the first group.
std::vector<ScoreTable> by_metric(const std::vector<ScoreGroup>& groups, bool clustering) {
  std::vector<ScoreTable> tables;
  for (const ScoreGroup& group : groups) {
    if (is_clustering(group.name) != clustering) continue;
    const auto found = std::find_if(tables.begin(), tables.end(), [&](const ScoreTable& table) {
      return table.method == group.method && table.tier == group.tier && table.dataset == group.dataset &&
             (clustering || table.name == group.name) && table.protocol_id == group.protocol_id;
    });
    if (found != tables.end())
      found->groups.push_back(&group);
    else
      tables.push_back({group.method, group.tier, group.dataset, group.name, group.protocol_id, {&group}});
  }
  // An arm's rows stand together, by weight.
  for (ScoreTable& table : tables) {
    const std::vector<std::string> arms =
        distinct(table.groups, [](const ScoreGroup* group) { return group->arm + " "; });
    const auto key = [&](const ScoreGroup* group) {
      return std::make_pair(std::find(arms.begin(), arms.end(), group->arm + " ") - arms.begin(),
                            guidance_weight(group->params).value_or(-1e300));
    };
    std::stable_sort(table.groups.begin(), table.groups.end(),
                     [&](const ScoreGroup* a, const ScoreGroup* b) { return key(a) < key(b); });
  }
  return tables;
}

/// What sets a table apart from its neighbours: only what differs within the report.
class Qualifier {
 public:
  explicit Qualifier(const std::vector<RunRow>& runs)
      : methods_(distinct(runs, [](const RunRow& run) { return run.method; }).size() > 1),
        tiers_(distinct(runs, [](const RunRow& run) { return run.tier; }).size() > 1),
        datasets_(distinct(runs, [](const RunRow& run) { return run.dataset; }).size() > 1) {}

  std::string operator()(const std::string& method, const std::string& tier, const std::string& dataset) const {
    std::vector<std::string> words;
    if (methods_ && !method.empty()) words.push_back(method);
    if (tiers_ && !tier.empty()) words.push_back(tier);
    if (datasets_ && !dataset.empty()) words.push_back(dataset);
    return words.empty() ? "" : ", " + join(words);
  }

 private:
  bool methods_, tiers_, datasets_;
};

template <class Rows>
std::vector<std::string> interval_levels(const Rows& rows) {
  return distinct(rows, [](const auto& row) { return row->interval ? level_text(*row->interval) : std::string(); });
}

/// Value of one seed with its own interval.
Text seed_cell(const ScoreRow& score) {
  Text text{number(value_of(score.value, score.interval))};
  text.back().anchor = run_anchor(score.run);
  if (score.interval) text.push_back(number(" " + interval_of(score.interval)));
  return text;
}

Details per_seed(const std::vector<const ScoreGroup*>& groups, bool with_name) {
  std::vector<RowId> runs;
  std::map<RowId, std::int64_t> seed_of;
  std::vector<std::string> levels;
  for (const ScoreGroup* group : groups)
    for (std::size_t i = 0; i < group->values.size(); ++i) {
      const ScoreRow& score = group->values[i];
      if (seed_of.emplace(score.run, group->seeds[i]).second) runs.push_back(score.run);
      if (!score.interval) continue;
      const std::string level = level_text(*score.interval);
      if (std::find(levels.begin(), levels.end(), level) == levels.end()) levels.push_back(level);
    }
  std::sort(runs.begin(), runs.end());
  Table table;
  if (!levels.empty()) table.caption = {muted(interval_note(levels))};
  table.columns.push_back({"Arm"});
  table.columns.push_back({"Params"});
  if (with_name) table.columns.push_back({"Metric"});
  for (const RowId run : runs) table.columns.push_back({fmt::format("seed {} (run {})", seed_of[run], run), true});
  for (const ScoreGroup* group : groups) {
    std::vector<Text> row{{code(group->arm)}, {plain(params_text(group->params))}};
    if (with_name) row.push_back({plain(metric_title(group->name))});
    for (const RowId run : runs) {
      const auto found = std::find_if(group->values.begin(), group->values.end(),
                                      [&](const ScoreRow& score) { return score.run == run; });
      row.push_back(found == group->values.end() ? Text{} : seed_cell(*found));
    }
    table.rows.push_back(std::move(row));
  }
  Details details{"Values of each seed", {}};
  details.blocks.push_back(std::move(table));
  return details;
}

Text metric_caption(const ScoreGroup& group, const std::vector<std::string>& levels, bool several_seeds) {
  Text caption{plain("Protocol ")};
  Span protocol = link(group.protocol, protocol_anchor(group.protocol_id));
  caption.push_back(protocol);
  std::string rest;
  if (!direction_text(group.better).empty()) rest += "; " + direction_text(group.better);
  if (!group.unit.empty() && group.unit != "1") rest += "; unit " + group.unit;
  rest += ". ";
  if (several_seeds) rest += "Values are means over seeds. ";
  caption.push_back(plain(rest + interval_note(levels)));
  return caption;
}

bool has_several_seeds(const std::vector<const ScoreGroup*>& groups) {
  return std::any_of(groups.begin(), groups.end(), [](const ScoreGroup* group) { return group->values.size() > 1; });
}

Section scores(const ReportData& data, const std::vector<ScoreGroup>& groups) {
  Section section{"Scores", "scores", {}};
  const Qualifier qualify(data.runs);
  for (const ScoreTable& metric : by_metric(groups, false)) {
    const auto any = [&](auto&& has) { return std::any_of(metric.groups.begin(), metric.groups.end(), has); };
    const bool weights = any([](const ScoreGroup* group) { return guidance_weight(group->params).has_value(); });
    const bool others = any([](const ScoreGroup* group) { return !other_params(group->params).empty(); });
    Table table;
    table.caption =
        metric_caption(*metric.groups.front(), interval_levels(metric.groups), has_several_seeds(metric.groups));
    table.columns.push_back({"Arm"});
    if (weights) {
      table.columns.push_back({"w", true});
      table.columns.push_back({"w_cfg", true});
    }
    if (others) table.columns.push_back({"Params"});
    table.columns.push_back({metric_title(metric.name), true});
    table.columns.push_back({"Interval", true});
    table.columns.push_back({"n", true});
    table.columns.push_back({"Seeds", true});
    for (const ScoreGroup* group : metric.groups) {
      std::vector<Text> row{{code(group->arm)}};
      if (weights) {
        const std::optional<double> w = guidance_weight(group->params);
        row.push_back(w ? Text{number(weight_text(*w))} : Text{});
        row.push_back(w ? Text{number(weight_text(*w - 1))} : Text{});
      }
      if (others) row.push_back({plain(other_params(group->params))});
      row.push_back({number(value_of(group->mean, group->interval))});
      row.push_back({number(interval_of(group->interval))});
      row.push_back({plain(count_range(group->values))});
      row.push_back({plain(std::to_string(group->values.size()))});
      table.rows.push_back(std::move(row));
    }
    Part part{metric_title(metric.name) + qualify(metric.method, metric.tier, metric.dataset), "", {}};
    part.blocks.push_back(std::move(table));
    if (has_several_seeds(metric.groups)) part.blocks.push_back(per_seed(metric.groups, false));
    section.parts.push_back(std::move(part));
  }
  return section;
}

Section clusters(const ReportData& data, const std::vector<ScoreGroup>& groups) {
  Section section{"Cluster quality", "clusters", {}};
  const Qualifier qualify(data.runs);
  for (const ScoreTable& metric : by_metric(groups, true)) {
    const std::vector<std::string> names = distinct(metric.groups, [](const ScoreGroup* group) { return group->name; });
    const bool others = std::any_of(metric.groups.begin(), metric.groups.end(),
                                    [](const ScoreGroup* group) { return !params_text(group->params).empty(); });
    Table table;
    table.caption =
        metric_caption(*metric.groups.front(), interval_levels(metric.groups), has_several_seeds(metric.groups));
    table.columns.push_back({"Features"});
    if (others) table.columns.push_back({"Params"});
    for (const std::string& name : names) table.columns.push_back({metric_title(name), true});
    table.columns.push_back({"n", true});
    table.columns.push_back({"Seeds", true});
    // One row an arm and params, one column a metric.
    std::vector<std::pair<std::string, nlohmann::json>> rows;
    for (const ScoreGroup* group : metric.groups)
      if (std::find(rows.begin(), rows.end(), std::pair(group->arm, group->params)) == rows.end())
        rows.emplace_back(group->arm, group->params);
    for (const auto& [arm, params] : rows) {
      std::vector<Text> row{{code(arm)}};
      if (others) row.push_back({plain(params_text(params))});
      const ScoreGroup* last = nullptr;
      for (const std::string& name : names) {
        const auto found = std::find_if(metric.groups.begin(), metric.groups.end(), [&](const ScoreGroup* group) {
          return group->arm == arm && group->params == params && group->name == name;
        });
        if (found == metric.groups.end()) {
          row.push_back({});
          continue;
        }
        last = *found;
        Text cell{number(value_of(last->mean, last->interval))};
        if (last->interval) cell.push_back(number(" " + interval_of(last->interval)));
        row.push_back(std::move(cell));
      }
      row.push_back({plain(count_range(last->values))});
      row.push_back({plain(std::to_string(last->values.size()))});
      table.rows.push_back(std::move(row));
    }
    Part part{qualify(metric.method, metric.tier, metric.dataset), "", {}};
    if (part.title.starts_with(", ")) part.title.erase(0, 2);
    part.blocks.push_back(std::move(table));
    if (has_several_seeds(metric.groups)) part.blocks.push_back(per_seed(metric.groups, true));
    section.parts.push_back(std::move(part));
  }
  return section;
}

// ---- Paired differences

enum class Reading { better, worse, unclear, lower, higher };

/// Clear when the interval leaves zero out and the adjusted p-value, if any, agrees.
Reading read(const ComparisonRow& row) {
  if (!row.interval || (row.interval->low <= 0 && row.interval->high >= 0)) return Reading::unclear;
  const std::optional<double> p = row.p_adjusted ? row.p_adjusted : row.p_value;
  if (p && *p >= 1 - row.interval->level) return Reading::unclear;
  const bool negative = row.difference < 0;
  if (row.better == Better::unstated) return negative ? Reading::lower : Reading::higher;
  return negative == (row.better == Better::lower) ? Reading::better : Reading::worse;
}

Span reading_chip(Reading reading) {
  switch (reading) {
    case Reading::better:
      return chip("better", Tone::good);
    case Reading::worse:
      return chip("worse", Tone::bad);
    case Reading::lower:
      return chip("lower", Tone::neutral);
    case Reading::higher:
      return chip("higher", Tone::neutral);
    case Reading::unclear:
      break;
  }
  return chip("unclear", Tone::caution);
}

Tone tone_of(Reading reading) {
  return reading == Reading::better ? Tone::good : reading == Reading::worse ? Tone::bad : Tone::neutral;
}

Section comparisons(const ReportData& data) {
  Section section{"Paired differences", "comparisons", {}};
  std::vector<std::vector<const ComparisonRow*>> groups;
  for (const ComparisonRow& row : data.comparisons) {
    const auto key = [](const ComparisonRow& r) { return std::tie(r.method, r.dataset, r.metric, r.protocol_id); };
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return key(*group.front()) == key(row); });
    if (found != groups.end())
      found->push_back(&row);
    else
      groups.push_back({&row});
  }
  const Qualifier qualify(data.runs);
  int chart_number = 0;
  for (const auto& group : groups) {
    const ComparisonRow& first = *group.front();
    const auto any = [&](auto&& has) { return std::any_of(group.begin(), group.end(), has); };
    const bool params = any([](const ComparisonRow* row) { return !params_text(row->params).empty(); });
    const bool p_values = any([](const ComparisonRow* row) { return row->p_value.has_value(); });
    const bool adjusted = any([](const ComparisonRow* row) { return row->p_adjusted.has_value(); });

    Table table;
    table.caption = {plain("A \u2212 B of " + metric_title(first.metric) + ", protocol "),
                     link(first.protocol, protocol_anchor(first.protocol_id))};
    std::string rest;
    if (first.better != Better::unstated)
      rest += fmt::format("; {}, so a {} difference favours A", direction_text(first.better),
                          first.better == Better::lower ? "negative" : "positive");
    rest += ". Seeds are paired. " + interval_note(interval_levels(group));
    table.caption.push_back(plain(rest));
    table.columns = {{"A"}, {"B"}};
    if (params) table.columns.push_back({"Params"});
    table.columns.push_back({"Difference", true});
    table.columns.push_back({"Interval", true});
    if (p_values) table.columns.push_back({"p", true});
    if (adjusted) table.columns.push_back({"p adjusted", true});
    table.columns.push_back({"Seeds", true});
    table.columns.push_back({"A is"});

    Table single;
    single.columns = {{"A"}, {"B"}};
    if (params) single.columns.push_back({"Params"});
    std::vector<std::int64_t> seeds;
    for (const ComparisonRow* row : group)
      for (const std::int64_t seed : row->seeds)
        if (std::find(seeds.begin(), seeds.end(), seed) == seeds.end()) seeds.push_back(seed);
    for (const std::int64_t seed : seeds) single.columns.push_back({fmt::format("seed {}", seed), true});

    ForestPlot plot;
    plot.x_label = fmt::format("difference of {} ({})", metric_title(first.metric), first.protocol);
    if (first.better != Better::unstated) {
      const bool lower = first.better == Better::lower;
      plot.left_label = lower ? "A better" : "B better";
      plot.right_label = lower ? "B better" : "A better";
    }
    for (const ComparisonRow* row : group) {
      const Reading reading = read(*row);
      std::vector<Text> cells{{code(row->arm_a)}, {code(row->arm_b)}};
      if (params) cells.push_back({plain(params_text(row->params))});
      cells.push_back({number(value_of(row->difference, row->interval))});
      cells.push_back({number(interval_of(row->interval))});
      if (p_values) cells.push_back({plain(row->p_value ? format_p(*row->p_value) : "")});
      if (adjusted) cells.push_back({plain(row->p_adjusted ? format_p(*row->p_adjusted) : "")});
      cells.push_back({plain(std::to_string(row->seeds.size()))});
      cells.push_back({reading_chip(reading)});
      table.rows.push_back(std::move(cells));

      std::vector<Text> values{{code(row->arm_a)}, {code(row->arm_b)}};
      if (params) values.push_back({plain(params_text(row->params))});
      for (const std::int64_t seed : seeds) {
        const auto place = std::find(row->seeds.begin(), row->seeds.end(), seed);
        values.push_back(
            place == row->seeds.end()
                ? Text{}
                : Text{number(value_of(row->differences[static_cast<std::size_t>(place - row->seeds.begin())],
                                       row->interval))});
      }
      single.rows.push_back(std::move(values));

      ForestRow drawn;
      drawn.label = row->arm_a + " \u2212 " + row->arm_b;
      drawn.detail = params_text(row->params);
      drawn.value = row->difference;
      if (row->interval) {
        drawn.low = row->interval->low;
        drawn.high = row->interval->high;
      }
      if (row->differences.size() > 1) drawn.points = row->differences;
      drawn.tone = tone_of(reading);
      plot.rows.push_back(std::move(drawn));
    }
    plot.alternative = fmt::format("Forest plot of {} paired differences of {}; the table holds the values",
                                   group.size(), metric_title(first.metric));
    Chart chart;
    chart.name = fmt::format("differences-{}", ++chart_number);
    chart.alternative = plot.alternative;
    chart.wide = forest_plot_svg(plot, wide_chart);
    chart.narrow = forest_plot_svg(plot, narrow_chart);
    chart.caption = {plain("Square: mean over seeds, with its interval. Dots: single seeds.")};

    Part part{metric_title(first.metric) + qualify(first.method, "", first.dataset), "", {}};
    part.blocks.push_back(std::move(chart));
    part.blocks.push_back(std::move(table));
    Details details{"Differences of each seed", {}};
    details.blocks.push_back(std::move(single));
    part.blocks.push_back(std::move(details));
    section.parts.push_back(std::move(part));
  }
  return section;
}

// ---- Guidance

Section guidance(const ReportData& data, const std::vector<ScoreGroup>& groups) {
  Section section{"Guidance curves", "guidance", {}};
  const Qualifier qualify(data.runs);
  int chart_number = 0;
  for (const ScoreTable& metric : by_metric(groups, false)) {
    // A line is an arm with its params other than the weight.
    std::vector<std::pair<std::string, std::vector<const ScoreGroup*>>> lines;
    for (const ScoreGroup* group : metric.groups) {
      const std::string others = other_params(group->params);
      const std::string name = others.empty() ? group->arm : group->arm + " (" + others + ")";
      const auto found = std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return line.first == name; });
      if (found != lines.end())
        found->second.push_back(group);
      else
        lines.push_back({name, {group}});
    }
    LineChart chart;
    chart.x_label = "w";
    chart.second_label = "w_cfg";
    chart.second_offset = -1;
    chart.y_label = fmt::format(
        "{} ({}){}", metric_title(metric.name), metric.groups.front()->protocol,
        metric.groups.front()->better == Better::unstated ? "" : ", " + direction_text(metric.groups.front()->better));
    bool is_curve = false;
    for (const auto& [name, points] : lines) {
      const std::optional<double> w = guidance_weight(points.front()->params);
      const auto low = [](const ScoreGroup* g) {
        return g->interval ? std::optional<double>(g->interval->low) : std::nullopt;
      };
      const auto high = [](const ScoreGroup* g) {
        return g->interval ? std::optional<double>(g->interval->high) : std::nullopt;
      };
      // Without guidance, or without a weight at all, an arm is the level that the others are held against.
      if (points.size() == 1 && (!w || *w == 0)) {
        chart.references.push_back({name, points[0]->mean, low(points[0]), high(points[0])});
        continue;
      }
      ChartSeries series{name, {}};
      for (const ScoreGroup* group : points)
        if (const auto x = guidance_weight(group->params))
          series.points.push_back({*x, group->mean, low(group), high(group)});
      is_curve = is_curve || series.points.size() > 1;
      if (!series.points.empty()) chart.series.push_back(std::move(series));
    }
    if (!is_curve) continue;
    const std::string title =
        metric_title(metric.name) + " against w" + qualify(metric.method, metric.tier, metric.dataset);
    chart.alternative = fmt::format("{}: one line for each of {} arms; the section on scores holds the values", title,
                                    chart.series.size());
    Chart block;
    block.name = fmt::format("guidance-{}", ++chart_number);
    block.alternative = chart.alternative;
    block.wide = line_chart_svg(chart, wide_chart);
    block.narrow = line_chart_svg(chart, narrow_chart);
    block.caption = {
        plain("Protocol "), link(metric.groups.front()->protocol, protocol_anchor(metric.protocol_id)),
        plain(fmt::format("; {}n = {} a point. {} Guidance: uncond + w (cond \u2212 uncond); w_cfg = w \u2212 1.",
                          has_several_seeds(metric.groups) ? "means over seeds, " : "",
                          count_range(metric.groups.front()->values), interval_note(interval_levels(metric.groups))))};
    Part part{title, "", {}};
    part.blocks.push_back(std::move(block));
    section.parts.push_back(std::move(part));
  }
  return section;
}

// ---- Images

/// Width and height from the header of a PNG; none when it is not one.
std::optional<std::pair<int, int>> png_size(const std::string& content) {
  if (content.size() < 24 || content.compare(0, 8, "\x89PNG\r\n\x1a\n") != 0 || content.compare(12, 4, "IHDR") != 0)
    return std::nullopt;
  const auto number_at = [&](std::size_t place) {
    int value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(content[place + i]);
    return value;
  };
  return std::pair{number_at(16), number_at(20)};
}

Picture read_picture(const ReportData& data, const ArtifactRow& artifact) {
  Picture picture;
  picture.file = (data.folder / artifact.path).string();
  try {
    const std::string content = read_file(picture.file);
    const auto size = png_size(content);
    if (!size)
      picture.problem = "not a PNG file: " + artifact.path;
    else if (hash_text(content) != artifact.hash)
      picture.problem = "changed since it was recorded: " + artifact.path;
    else
      std::tie(picture.width, picture.height) = *size;
    if (picture.problem.empty()) picture.png = content;
  } catch (const InputError&) {
    picture.problem = "file is missing: " + artifact.path;
  }
  return picture;
}

Section images(const ReportData& data) {
  Section section{"Images", "images", {}};
  const Qualifier qualify(data.runs);
  bool first = true;
  for (const RunRow& run : data.runs) {
    std::vector<const ArtifactRow*> grids;
    for (const ArtifactRow& artifact : data.artifacts)
      if (artifact.run == run.id && artifact.kind == "image-grid") grids.push_back(&artifact);
    if (grids.empty()) continue;
    const auto arm_of = [](const ArtifactRow* artifact) {
      return artifact->meta.is_object() && artifact->meta.contains("arm") ? value_text(artifact->meta["arm"]) : "";
    };
    // Real images first: the others are held against them.
    std::stable_partition(grids.begin(), grids.end(), [&](const ArtifactRow* grid) { return arm_of(grid) == "real"; });
    Gallery gallery;
    for (const ArtifactRow* grid : grids) {
      Picture picture = read_picture(data, *grid);
      const std::string arm = arm_of(grid).empty() ? grid->name : arm_of(grid);
      const std::optional<double> w = guidance_weight(grid->meta);
      picture.alternative =
          fmt::format("Image grid: {}{}, seed {}", arm, w ? ", w = " + weight_text(*w) : std::string(), run.seed);
      picture.caption = {code(arm)};
      if (w) picture.caption.push_back(muted(fmt::format(" w = {}", weight_text(*w))));
      gallery.pictures.push_back(std::move(picture));
    }
    const std::string title =
        fmt::format("Seed {}, run {}{}", run.seed, run.id, qualify(run.method, run.tier, run.dataset));
    if (first) {
      Part part{title, "", {}};
      part.blocks.push_back(std::move(gallery));
      section.parts.push_back(std::move(part));
      first = false;
    } else {
      Details details{title, {}};
      details.blocks.push_back(std::move(gallery));
      section.parts.back().blocks.push_back(std::move(details));
    }
  }
  return section;
}

// ---- Timings

struct TimingGroup {
  const TimingRow* first = nullptr;
  std::vector<const TimingRow*> rows;
};

std::vector<TimingGroup> group_timings(const std::vector<TimingRow>& timings) {
  std::vector<TimingGroup> groups;
  for (const TimingRow& row : timings) {
    const auto key = [](const TimingRow& r) {
      return std::tie(r.op, r.variant, r.shape, r.dtype, r.device, r.threads, r.item_unit);
    };
    const auto found = std::find_if(groups.begin(), groups.end(),
                                    [&](const TimingGroup& group) { return key(*group.first) == key(row); });
    if (found != groups.end())
      found->rows.push_back(&row);
    else
      groups.push_back({&row, {&row}});
  }
  return groups;
}

/// The summary of a quantity that some rows have; none when no row has it.
template <class Quantity>
std::optional<MedianSummary> median_of(const TimingGroup& group, Quantity&& quantity) {
  std::vector<double> values;
  for (const TimingRow* row : group.rows)
    if (const std::optional<double> value = quantity(*row)) values.push_back(*value);
  if (values.empty()) return std::nullopt;
  return summarise_median(std::move(values));
}

std::optional<double> rate(const std::optional<double>& amount, double seconds) {
  return amount && seconds > 0 ? std::optional<double>(*amount / seconds) : std::nullopt;
}

std::optional<double> share(const std::optional<double>& rate, const std::optional<double>& peak) {
  return rate && peak && *peak > 0 ? std::optional<double>(*rate / *peak) : std::nullopt;
}

std::string summary_value(const MedianSummary& summary) {
  return format_value(summary.median, summary.low, summary.high);
}
std::string summary_interval(const MedianSummary& summary) { return format_interval(summary.low, summary.high); }

Text operation_text(const TimingRow& row) {
  Text text{code(row.op)};
  if (!row.variant.empty()) text.push_back(plain(" " + row.variant));
  return text;
}

std::string device_text(const TimingRow& row) {
  std::string text = row.device;
  if (row.device == "cpu" || row.threads > 1)
    text += fmt::format(", {} {}", row.threads, row.threads == 1 ? "thread" : "threads");
  if (!row.dtype.empty()) text += ", " + row.dtype;
  return text;
}

/// The device when all rows share it: said once, above the table.
std::string shared_device(const std::vector<TimingGroup>& groups) {
  const std::vector<std::string> devices =
      distinct(groups, [](const TimingGroup& group) { return device_text(*group.first); });
  return devices.size() == 1 ? devices.front() : "";
}

std::string median_note(const std::vector<TimingGroup>& groups) {
  const bool few = std::any_of(groups.begin(), groups.end(), [](const TimingGroup& g) { return g.rows.size() < 6; });
  const bool many = std::any_of(groups.begin(), groups.end(), [](const TimingGroup& g) { return g.rows.size() >= 6; });
  std::string text = "Medians over repetitions. ";
  if (many) text += "Interval: 95%, order statistics";
  if (few)
    text += many ? "; the range where there are fewer than six repetitions"
                 : "Interval: the range, as there are fewer than six repetitions";
  const std::string device = shared_device(groups);
  return text + (device.empty() ? "." : ". Device: " + device + ".");
}

Part throughput_part(const ReportData& data) {
  Part part{"Throughput", "", {}};
  const std::vector<TimingGroup> groups = group_timings(data.timings);
  const auto any = [&](auto&& has) { return std::any_of(data.timings.begin(), data.timings.end(), has); };
  const bool memory = any([](const TimingRow& row) { return row.peak_memory_bytes.has_value(); });
  const bool flops = any([](const TimingRow& row) { return row.flops.has_value(); });
  Table table;
  table.caption = {plain(median_note(groups))};
  const bool devices = shared_device(groups).empty();
  table.columns = {{"Operation"}, {"Shape"}};
  if (devices) table.columns.push_back({"Device"});
  table.columns.push_back({"Throughput", true});
  table.columns.push_back({"Interval", true});
  if (flops) table.columns.push_back({"Arithmetic", true});
  if (memory) table.columns.push_back({"Peak memory", true});
  table.columns.push_back({"n", true});
  for (const TimingGroup& group : groups) {
    const TimingRow& first = *group.first;
    const auto items =
        median_of(group, [](const TimingRow& row) { return rate(static_cast<double>(row.items), row.seconds); });
    std::vector<Text> row{operation_text(first), {plain(first.shape)}};
    if (devices) row.push_back({plain(device_text(first))});
    const std::string unit = first.item_unit.empty() ? "calls" : first.item_unit;
    row.push_back(items ? Text{number(summary_value(*items)), plain(" " + unit + "/s")} : Text{});
    row.push_back(items ? Text{number(summary_interval(*items))} : Text{});
    if (flops) {
      const auto done = median_of(group, [](const TimingRow& r) { return rate(r.flops, r.seconds); });
      row.push_back(done ? Text{plain(format_si(done->median, "flop/s"))} : Text{});
    }
    if (memory) {
      std::optional<std::int64_t> peak;
      for (const TimingRow* r : group.rows)
        if (r->peak_memory_bytes) peak = std::max(peak.value_or(0), *r->peak_memory_bytes);
      row.push_back(peak ? Text{plain(format_si(static_cast<double>(*peak), "B"))} : Text{});
    }
    row.push_back({plain(std::to_string(group.rows.size()))});
    table.rows.push_back(std::move(row));
  }
  part.blocks.push_back(std::move(table));
  return part;
}

Part kernels_part(const ReportData& data) {
  Part part{"Kernels", "", {}};
  if (data.kernel_batch)
    part.blocks.push_back(
        Paragraph{{plain(fmt::format("From batch {} of ", data.kernel_batch->id)),
                   plain(date_text(data.kernel_batch->created_at) + ": "), code(data.kernel_batch->command)}});
  const std::vector<TimingGroup> groups = group_timings(data.kernel_timings);
  const auto any = [&](auto&& has) { return std::any_of(data.kernel_timings.begin(), data.kernel_timings.end(), has); };
  const bool bytes = any([](const TimingRow& row) { return row.bytes.has_value(); });
  const bool flops = any([](const TimingRow& row) { return row.flops.has_value(); });
  const bool of_bandwidth = any([](const TimingRow& row) { return row.bytes && row.peak_bytes_per_second; });
  const bool of_arithmetic = any([](const TimingRow& row) { return row.flops && row.peak_flops_per_second; });
  Table table;
  table.caption = {plain(median_note(groups))};
  const bool devices = shared_device(groups).empty();
  table.columns = {{"Kernel"}, {"Shape"}};
  if (devices) table.columns.push_back({"Device"});
  table.columns.push_back({"Time", true});
  table.columns.push_back({"Interval", true});
  if (bytes) table.columns.push_back({"Traffic", true});
  if (of_bandwidth) table.columns.push_back({"of peak", true});
  if (flops) table.columns.push_back({"Arithmetic", true});
  if (of_arithmetic) table.columns.push_back({"of peak", true});
  table.columns.push_back({"n", true});
  for (const TimingGroup& group : groups) {
    const TimingRow& first = *group.first;
    const auto raw = median_of(group, [](const TimingRow& row) { return std::optional<double>(row.seconds); });
    const TimeUnit unit = time_unit(raw->median);
    const MedianSummary time{raw->median / unit.seconds, raw->low / unit.seconds, raw->high / unit.seconds,
                             raw->is_range};
    std::vector<Text> row{operation_text(first), {plain(first.shape)}};
    if (devices) row.push_back({plain(device_text(first))});
    row.push_back({number(summary_value(time)), plain(fmt::format(" {}", unit.name))});
    row.push_back({number(summary_interval(time))});
    const auto add = [&](bool shown, const std::optional<MedianSummary>& summary, auto&& text) {
      if (shown) row.push_back(summary ? Text{plain(text(summary->median))} : Text{});
    };
    const auto percent = [](double value) { return fmt::format("{}%", format_significant(value * 100, 2)); };
    add(bytes, median_of(group, [](const TimingRow& r) { return rate(r.bytes, r.seconds); }),
        [](double value) { return format_si(value, "B/s"); });
    add(of_bandwidth,
        median_of(group, [](const TimingRow& r) { return share(rate(r.bytes, r.seconds), r.peak_bytes_per_second); }),
        percent);
    add(flops, median_of(group, [](const TimingRow& r) { return rate(r.flops, r.seconds); }),
        [](double value) { return format_si(value, "flop/s"); });
    add(of_arithmetic,
        median_of(group, [](const TimingRow& r) { return share(rate(r.flops, r.seconds), r.peak_flops_per_second); }),
        percent);
    row.push_back({plain(std::to_string(group.rows.size()))});
    table.rows.push_back(std::move(row));
  }
  part.blocks.push_back(std::move(table));
  return part;
}

Part stages_part(const ReportData& data) {
  Part part{"Stages", "", {}};
  std::map<RowId, const RunRow*> run_of;
  for (const RunRow& run : data.runs) run_of[run.id] = &run;
  const bool several_methods = distinct(data.runs, [](const RunRow& run) { return run.method; }).size() > 1;
  std::vector<std::pair<std::pair<std::string, std::string>, std::vector<double>>> groups;
  for (const StageRow& stage : data.stages) {
    const std::pair key{run_of.at(stage.run)->method, stage.name};
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return group.first == key; });
    if (found != groups.end())
      found->second.push_back(stage.seconds);
    else
      groups.push_back({key, {stage.seconds}});
  }
  Table table;
  if (several_methods) table.columns.push_back({"Method"});
  table.columns.push_back({"Stage"});
  for (const char* title : {"Runs", "Median", "Longest", "Total"}) table.columns.push_back({title, true});
  for (const auto& [key, seconds] : groups) {
    std::vector<Text> row;
    if (several_methods) row.push_back({code(key.first)});
    row.push_back({code(key.second)});
    row.push_back({plain(std::to_string(seconds.size()))});
    row.push_back({plain(duration_text(summarise_median(seconds).median))});
    row.push_back({plain(duration_text(*std::max_element(seconds.begin(), seconds.end())))});
    row.push_back({plain(duration_text(std::accumulate(seconds.begin(), seconds.end(), 0.0)))});
    table.rows.push_back(std::move(row));
  }
  part.blocks.push_back(std::move(table));
  return part;
}

Section timings(const ReportData& data) {
  Section section{"Timings", "timings", {}};
  if (!data.timings.empty()) section.parts.push_back(throughput_part(data));
  if (!data.stages.empty()) section.parts.push_back(stages_part(data));
  if (!data.kernel_timings.empty()) section.parts.push_back(kernels_part(data));
  return section;
}

// ---- Notes, protocols, artifacts

Section notes(const ReportData& data) {
  Section section{"Notes", "notes", {}};
  if (data.notes.empty()) return section;
  Table table;
  table.columns = {{"Run", true}, {"Stage"}, {"Note"}};
  for (const NoteRow& note : data.notes) {
    Span run = number(std::to_string(note.run));
    run.anchor = run_anchor(note.run);
    table.rows.push_back({note.run == 0 ? Text{plain("all")} : Text{run},
                          note.stage.empty() ? Text{} : Text{code(note.stage)},
                          {plain(note.text)}});
  }
  Part part;
  part.blocks.push_back(std::move(table));
  section.parts.push_back(std::move(part));
  return section;
}

/// Nested members as "a.b".
void flatten(const nlohmann::json& value, const std::string& path,
             std::vector<std::pair<std::string, std::string>>& out) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, member] : value.items()) flatten(member, path.empty() ? key : path + "." + key, out);
    return;
  }
  out.emplace_back(path, value_text(value));
}

Section protocols(const ReportData& data) {
  Section section{"Protocols", "protocols", {}};
  for (const ProtocolRow& protocol : data.protocols) {
    Part part{protocol.name, protocol_anchor(protocol.id), {}};
    part.blocks.push_back(Paragraph{{plain(protocol.description)}});
    Facts facts;
    if (!protocol.origin.empty()) facts.items.emplace_back("Origin", Text{plain(protocol.origin)});
    facts.items.emplace_back("Hash of the choices", Text{code(protocol.hash)});
    part.blocks.push_back(std::move(facts));
    std::vector<std::pair<std::string, std::string>> choices;
    if (!protocol.choices.empty()) flatten(protocol.choices, "", choices);
    if (!choices.empty()) {
      Table table;
      table.columns = {{"Choice"}, {"Value"}};
      for (const auto& [key, value] : choices) table.rows.push_back({{code(key)}, {plain(value)}});
      part.blocks.push_back(std::move(table));
    }
    section.parts.push_back(std::move(part));
  }
  return section;
}

Section artifacts(const ReportData& data) {
  Section section{"Artifacts", "artifacts", {}};
  if (data.artifacts.empty()) return section;
  Table table;
  table.caption = {plain("Paths are relative to the folder of the store. Hashes are 128 bits of XXH3.")};
  table.columns = {{"Run", true}, {"Stage"}, {"Name"}, {"Kind"}, {"Size", true}, {"Path"}, {"Hash"}};
  for (const ArtifactRow& artifact : data.artifacts) {
    Span run = number(std::to_string(artifact.run));
    run.anchor = run_anchor(artifact.run);
    table.rows.push_back({{run},
                          {code(artifact.stage)},
                          {plain(artifact.name)},
                          {plain(artifact.kind)},
                          {plain(format_si(static_cast<double>(artifact.bytes), "B"))},
                          {code(artifact.path)},
                          {code(artifact.hash)}});
  }
  Part part;
  part.blocks.push_back(std::move(table));
  section.parts.push_back(std::move(part));
  return section;
}

}  // namespace

Document make_document(const ReportData& data) {
  Document document;
  const auto methods = distinct(data.runs, [](const RunRow& run) { return run.method; });
  const auto datasets = distinct(data.runs, [](const RunRow& run) { return run.dataset; });
  const auto tiers = distinct(data.runs, [](const RunRow& run) { return run.tier; });
  const auto seeds = distinct(data.runs, [](const RunRow& run) { return std::to_string(run.seed); });
  if (methods.empty()) {
    document.title = "Kernel timings";
  } else {
    document.title = join(methods) + (datasets.empty() ? "" : " on " + join(datasets));
    document.subtitle = fmt::format("{} tier \u00B7 {} {} \u00B7 {}", join(tiers), seeds.size(),
                                    seeds.size() == 1 ? "seed" : "seeds", data.runs.front().started_at.substr(0, 10));
  }
  const std::vector<ScoreGroup> groups = group_scores(data.scores, data.runs);
  for (Section& section : std::vector<Section>{overview(data), claims(data), scores(data, groups), comparisons(data),
                                               guidance(data, groups), clusters(data, groups), images(data),
                                               timings(data), notes(data), protocols(data), artifacts(data)})
    if (!section.parts.empty() && !section.parts.front().blocks.empty())
      document.sections.push_back(std::move(section));
  return document;
}

}  // namespace assay
