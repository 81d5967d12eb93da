#include "reports/wording.h"

#include <fmt/format.h>
#include <time.h>

#include <cstdio>
#include <map>
#include <set>

#include "core/nearest.h"
#include "reports/numbers.h"
#include "reports/summary.h"

namespace assay {
namespace {

bool is_weight(const std::string& key) { return key == "w" || key == "w_cfg"; }

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
  return text;
}

}  // namespace

std::string run_anchor(RowId run) { return fmt::format("run-{}", run); }
std::string protocol_anchor(RowId protocol) { return fmt::format("protocol-{}", protocol); }
std::string comparison_anchor(RowId comparison) { return fmt::format("difference-{}", comparison); }
std::string score_anchor(RowId score) { return fmt::format("score-{}", score); }

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

std::string value_text(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:g}", value.get<double>());
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string members_text(const nlohmann::json& object, const char* between) {
  std::vector<std::string> parts;
  if (object.is_object())
    for (const auto& [key, value] : object.items()) parts.push_back(key + between + value_text(value));
  return join(parts);
}

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

std::string other_params(const nlohmann::json& params) {
  std::vector<std::string> parts;
  if (params.is_object())
    for (const auto& [key, value] : params.items())
      if (!is_weight(key)) parts.push_back(key + " = " + value_text(value));
  return join(parts);
}

std::string weight_text(double w) { return fmt::format("{:g}", w); }

std::string params_text(const nlohmann::json& params) {
  const std::optional<double> w = guidance_weight(params);
  std::string others = other_params(params);
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
  words.reserve(seeds.size());
  for (const std::int64_t seed : seeds) words.push_back(std::to_string(seed));
  return join(words);
}

Span verdict_chip(std::string text, Verdict verdict) {
  switch (verdict) {
    case Verdict::supported:
      return chip(std::move(text), Tone::good);
    case Verdict::contradicted:
      return chip(std::move(text), Tone::bad);
    case Verdict::inconclusive:
      return chip(std::move(text), Tone::caution);
    case Verdict::not_run:
      break;
  }
  return chip(std::move(text), Tone::neutral);
}

std::string value_of(double value, const std::optional<ScoreInterval>& interval) {
  return interval ? format_value(value, interval->low, interval->high)
                  : format_value(value, std::nullopt, std::nullopt);
}

std::string interval_of(const std::optional<ScoreInterval>& interval) {
  return interval ? format_interval(interval->low, interval->high) : "";
}

std::string level_text(const ScoreInterval& interval) {
  return fmt::format("{:g}%{}{}", interval.level * 100, interval.method.empty() ? "" : ", ", interval.method);
}

std::string interval_note(const std::vector<std::string>& levels) {
  return levels.empty() ? "No interval is recorded." : fmt::format("Interval: {}.", join(levels, "; "));
}

std::string count_range(const std::vector<ScoreRow>& values) {
  const auto [low, high] =
      std::minmax_element(values.begin(), values.end(), [](const ScoreRow& a, const ScoreRow& b) { return a.n < b.n; });
  if (low->n == high->n) return format_count(low->n);
  return format_count(low->n) + "\u2013" + format_count(high->n);
}

std::string metric_title(const std::string& name) {
  static const std::set<std::string> acronyms{"nmi", "ami", "ari", "fid", "kid", "fd", "mae", "psnr"};
  static const std::map<std::string, std::string> spelled{
      {"iou", "IoU"}, {"sfid", "sFID"}, {"corloc", "CorLoc"}, {"max_f", "Max F"}, {"boundary_f", "Boundary F"}};
  if (acronyms.contains(name)) return upper(name);
  if (const auto found = spelled.find(name); found != spelled.end()) return found->second;
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

Qualifier::Qualifier(const std::vector<RunRow>& runs)
    : methods_(distinct(runs, [](const RunRow& run) { return run.method; }).size() > 1),
      tiers_(distinct(runs, [](const RunRow& run) { return run.tier; }).size() > 1),
      datasets_(distinct(runs, [](const RunRow& run) { return run.dataset; }).size() > 1) {}

std::string Qualifier::operator()(const std::string& method, const std::string& tier,
                                  const std::string& dataset) const {
  std::vector<std::string> words;
  if (methods_ && !method.empty()) words.push_back(method);
  if (tiers_ && !tier.empty()) words.push_back(tier);
  if (datasets_ && !dataset.empty()) words.push_back(dataset);
  return words.empty() ? "" : ", " + join(words);
}

}  // namespace assay
