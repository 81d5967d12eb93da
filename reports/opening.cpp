#include "reports/opening.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

#include "core/nearest.h"
#include "core/phrases.h"
#include "core/tier.h"
#include "reports/differences.h"
#include "reports/guidance.h"
#include "reports/score_tables.h"
#include "reports/wording.h"

namespace assay {
namespace {

constexpr int opening_chart = 700;
constexpr double opening_plot_height = 190;
/// So many rows can be read beside the verdicts.
constexpr std::size_t most_differences = 5;
constexpr const char* real_arm = "real";

std::string arm_of(const ArtifactRow& grid) {
  return grid.meta.is_object() && grid.meta.contains("arm") ? value_text(grid.meta["arm"]) : "";
}

bool is_unguided(const nlohmann::json& params) {
  const std::optional<double> w = guidance_weight(params);
  return w && *w == 0;
}

/// Whether samples of an arm are scored under these params: what both name is equal.
bool agree(const nlohmann::json& a, const nlohmann::json& b) {
  if (!a.is_object() || !b.is_object()) return true;
  return std::all_of(a.items().begin(), a.items().end(),
                     [&](const auto& item) { return !b.contains(item.key()) || b.at(item.key()) == item.value(); });
}

/// What the first page is about: one run's pictures and the comparison that they belong to.
struct Headline {
  const RunRow* run = nullptr;
  const ComparisonRow* main = nullptr;
  const ArtifactRow* real = nullptr;
  const ArtifactRow* sampled = nullptr;
  const ArtifactRow* beside = nullptr;
};

template <class Test>
const ArtifactRow* find_grid(const std::vector<const ArtifactRow*>& grids, Test&& test) {
  const auto found = std::find_if(grids.begin(), grids.end(), [&](const ArtifactRow* grid) { return test(*grid); });
  return found == grids.end() ? nullptr : *found;
}

Headline headline_in(const ReportData& data, const RunRow& run) {
  Headline headline{&run, nullptr, nullptr, nullptr, nullptr};
  std::vector<const ArtifactRow*> grids;
  for (const ArtifactRow& artifact : data.artifacts)
    if (artifact.run == run.id && artifact.kind == "image-grid" && read_picture(data, artifact).problem.empty())
      grids.push_back(&artifact);
  headline.real = find_grid(grids, [](const ArtifactRow& grid) { return arm_of(grid) == real_arm; });
  std::erase_if(grids, [](const ArtifactRow* grid) { return arm_of(*grid) == real_arm; });
  const auto of = [&](const std::string& arm, const nlohmann::json& params) {
    return find_grid(grids, [&](const ArtifactRow& grid) { return arm_of(grid) == arm && agree(grid.meta, params); });
  };
  for (const ComparisonRow& row : data.comparisons) {
    if (row.method != run.method || row.dataset != run.dataset) continue;
    if (!headline.main) headline.main = &row;
    const ArtifactRow* const sampled = of(row.arm_a, row.params);
    if (!sampled) continue;
    headline.main = &row;
    headline.sampled = sampled;
    headline.beside = of(row.arm_b, row.params_b);
    break;
  }
  const auto other = [&](const ArtifactRow& grid) { return &grid != headline.sampled; };
  if (!headline.sampled)
    headline.sampled = find_grid(grids, [](const ArtifactRow& grid) { return !is_unguided(grid.meta); });
  if (!headline.sampled && !grids.empty()) headline.sampled = grids.front();
  if (!headline.beside || headline.beside == headline.sampled)
    headline.beside = find_grid(grids, [&](const ArtifactRow& grid) { return other(grid) && is_unguided(grid.meta); });
  return headline;
}

/// Finished runs before others, and of these one whose samples can be seen beside real images before others.
Headline headline_of(const ReportData& data) {
  Headline first;
  for (const bool done : {true, false}) {
    for (const RunRow& run : data.runs) {
      if ((run.status == RunStatus::done) != done) continue;
      const Headline headline = headline_in(data, run);
      if (headline.sampled && headline.real) return headline;
      if (!first.run || (headline.sampled && !first.sampled)) first = headline;
    }
    if (first.sampled) break;
  }
  return first;
}

/// The score that the main comparison is about, of the samples in a picture.
const ScoreRow* score_of(const Headline& headline, const ReportData& data, const ArtifactRow& grid) {
  for (const ScoreRow& score : data.scores)
    if (score.run == headline.run->id && score.arm == arm_of(grid) && agree(grid.meta, score.params) &&
        (!headline.main || score.name == headline.main->metric))
      return &score;
  return nullptr;
}

/// The row of the scores that a score belongs to.
std::string anchor_of(const ScoreRow& score, const std::vector<ScoreGroup>& groups) {
  for (const ScoreGroup& group : groups)
    for (const ScoreRow& value : group.values)
      if (value.id == score.id) return is_clustering(group.name) ? "clusters" : score_anchor(group.values.front().id);
  return "";
}

Picture picture_of(const Headline& headline, const ReportData& data, const std::vector<ScoreGroup>& groups,
                   const ArtifactRow& grid) {
  Picture picture = read_picture(data, grid);
  const std::string seed = fmt::format("seed {}", headline.run->seed);
  if (&grid == headline.real) {
    picture.alternative = fmt::format("Real training images, {}", seed);
    picture.caption = {strong("real"), plain(" training images, " + seed)};
    return picture;
  }
  const std::string arm = arm_of(grid).empty() ? grid.name : arm_of(grid);
  const std::optional<double> w = guidance_weight(grid.meta);
  const std::string weight = w ? fmt::format(", w = {}{}", weight_text(*w), *w == 0 ? " (unguided)" : "") : "";
  const ScoreRow* score = score_of(headline, data, grid);
  const std::string shows = shown_in(grid).empty() ? "" : ": " + shown_in(grid);
  picture.alternative = fmt::format("Samples of {}{}{}, {}", arm, shows, weight, seed);
  picture.caption = {code(arm), plain(fmt::format("{}{}, {}", shows, weight, seed))};
  if (!score) return picture;
  picture.caption.push_back(plain(fmt::format(", n = {}: {} ", count_range({*score}), score->name)));
  picture.caption.push_back(number(value_of(score->value, score->interval)));
  picture.caption.back().anchor = anchor_of(*score, groups);
  if (score->interval) picture.caption.push_back(number(" " + interval_of(score->interval)));
  return picture;
}

std::optional<Chart> curve_chart(const Headline& headline, const ReportData& data,
                                 const std::vector<ScoreGroup>& groups) {
  const ComparisonRow* main = headline.main;
  std::vector<std::string> arms;
  if (main) arms = {main->arm_a, main->arm_b};
  for (const ScoreTable& table : tables_by_metric(groups, false)) {
    if (table.method != headline.run->method || table.dataset != headline.run->dataset) continue;
    if (main && (table.name != main->metric || table.protocol_id != main->protocol_id)) continue;
    std::optional<GuidanceCurve> curve = guidance_curve(table, arms);
    if (!curve) continue;
    curve->chart.plot_height = opening_plot_height;
    Chart chart;
    chart.name = "headline";
    chart.alternative = curve->chart.alternative =
        fmt::format("{} against the guidance weight w{}; the section on scores holds the values", table.name,
                    Qualifier(data.runs)(table.method, table.tier, table.dataset));
    chart.wide = line_chart_svg(curve->chart, opening_chart);
    chart.narrow = line_chart_svg(curve->chart, narrow_chart);
    chart.caption = guidance_caption(*curve);
    return chart;
  }
  return std::nullopt;
}

std::optional<Chart> difference_chart(const Headline& headline, const ReportData& data) {
  if (!headline.main) return std::nullopt;
  std::vector<const ComparisonRow*> rows;
  const ComparisonRow& main = *headline.main;
  std::size_t left_out = 0;
  for (const ComparisonRow& row : data.comparisons) {
    if (row.method != main.method || row.dataset != main.dataset || row.metric != main.metric ||
        row.protocol_id != main.protocol_id || !row.interval)
      continue;
    if (rows.size() < most_differences)
      rows.push_back(&row);
    else
      ++left_out;
  }
  if (rows.empty()) return std::nullopt;
  ForestPlot plot = forest_plot(rows);
  Chart chart;
  chart.name = "headline";
  chart.alternative = plot.alternative =
      fmt::format("Forest plot of the first {} paired differences of {}{}", rows.size(), main.metric,
                  Qualifier(data.runs)(main.method, "", main.dataset));
  chart.wide = forest_plot_svg(plot, opening_chart);
  chart.narrow = forest_plot_svg(plot, narrow_chart);
  chart.caption = {
      plain(fmt::format("{} {} ", forest_legend, interval_note(interval_levels(rows)))),
      link(left_out == 0 ? "The values." : fmt::format("The values, and {} more.", left_out), "comparisons")};
  return chart;
}

/// "20 claims: 3 supported, 1 contradicted, ...", a line a method.
std::vector<Text> verdicts_of(const ReportData& data) {
  std::vector<Text> lines;
  const std::vector<std::string> methods = distinct(data.claims, [](const ClaimRow& claim) { return claim.method; });
  for (const std::string& method : methods) {
    const auto count = [&](auto&& test) {
      return std::count_if(data.claims.begin(), data.claims.end(),
                           [&](const ClaimRow& claim) { return claim.method == method && test(claim); });
    };
    const auto all = count([](const ClaimRow&) { return true; });
    Text line;
    if (methods.size() > 1) {
      line.push_back(code(method));
      line.push_back(plain(", "));
    }
    line.push_back(link(fmt::format("{} {}", all, all == 1 ? "claim" : "claims"), "claims"));
    line.push_back(plain(": "));
    bool first = true;
    for (const Verdict verdict : {Verdict::supported, Verdict::contradicted, Verdict::inconclusive, Verdict::not_run}) {
      const auto of_verdict = count([&](const ClaimRow& claim) { return claim.verdict == verdict; });
      if (of_verdict == 0) continue;
      if (!first) line.push_back(plain(", "));
      first = false;
      line.push_back(verdict_chip(fmt::format("{} {}", of_verdict, name_of(verdict)), verdict));
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

/// Notes without which the numbers would be taken for something else.
bool must_be_known(const std::string& note) {
  constexpr std::array phrases{"not trained here", "not trained in this run", "is not the published setting"};
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](const char* phrase) { return note.find(phrase) != std::string::npos; });
}

/// Text with parts between backquotes as code.
Text with_code(const std::string& text) {
  Text spans;
  bool is_code = false;
  for (std::size_t at = 0; at <= text.size(); is_code = !is_code) {
    const std::size_t end = std::min(text.find('`', at), text.size());
    if (end > at) spans.push_back(is_code ? code(text.substr(at, end - at)) : plain(text.substr(at, end - at)));
    at = end + 1;
  }
  return spans;
}

/// Scores that some finished runs of their method, tier and data set have and others lack.
std::size_t scores_of_fewer_seeds(const ReportData& data, const std::vector<ScoreGroup>& groups) {
  std::map<std::tuple<std::string, std::string, std::string>, std::set<RowId>> finished;
  for (const RunRow& run : data.runs)
    if (run.status == RunStatus::done) finished[{run.method, run.tier, run.dataset}].insert(run.id);
  return static_cast<std::size_t>(std::count_if(groups.begin(), groups.end(), [&](const ScoreGroup& group) {
    const std::set<RowId>& runs = finished[{group.method, group.tier, group.dataset}];
    const auto of_finished = std::count_if(group.values.begin(), group.values.end(),
                                           [&](const ScoreRow& score) { return runs.contains(score.run); });
    return of_finished > 0 && of_finished < std::ssize(runs);
  }));
}

std::vector<Text> cautions_of(const ReportData& data, const std::vector<ScoreGroup>& groups) {
  std::vector<Text> cautions;
  std::vector<std::string> known;
  for (const NoteRow& note : data.notes) {
    if (!must_be_known(note.text) || std::find(known.begin(), known.end(), note.text) != known.end()) continue;
    known.push_back(note.text);
    cautions.push_back(with_code(note.text));
  }
  const auto smoke = [](const RunRow& run) { return run.tier == name_of(Tier::smoke); };
  if (std::any_of(data.runs.begin(), data.runs.end(), smoke))
    cautions.push_back(
        {plain("Tier smoke trains for seconds: it shows that every part works, its values mean nothing.")});
  std::vector<std::string> unfinished;
  for (const RunStatus status : {RunStatus::failed, RunStatus::interrupted, RunStatus::running}) {
    const auto count =
        std::count_if(data.runs.begin(), data.runs.end(), [&](const RunRow& run) { return run.status == status; });
    if (count > 0)
      unfinished.push_back(status == RunStatus::running ? fmt::format("{} without an end", count)
                                                        : fmt::format("{} {}", count, name_of(status)));
  }
  if (!unfinished.empty())
    cautions.push_back(
        {link(fmt::format("Of {} {}, {}", data.runs.size(), data.runs.size() == 1 ? "run" : "runs", join(unfinished)),
              "overview"),
         plain(": scores below include what they recorded before, claims do not.")});
  const auto versions = distinct(data.runs, [](const RunRow& run) { return run.code_version; });
  if (versions.size() > 1)
    cautions.push_back({link(fmt::format("{} versions of the code", versions.size()), "provenance"),
                        plain(fmt::format(" made these runs ({}): what differs between them may be the code's doing.",
                                          join(versions)))});
  if (const std::size_t partial = scores_of_fewer_seeds(data, groups); partial > 0)
    cautions.push_back({link(fmt::format("{} of {} scores", partial, groups.size()), "scores"),
                        plain(": not every finished run has them, so their means are over fewer seeds.")});
  if (!data.left_out.empty())
    cautions.push_back({link(counted(std::ssize(data.left_out), "recorded number"), "notes"),
                        plain(" cannot be shown, since a part of it is not finite: left out of every mean.")});
  const auto seeds = distinct(data.runs, [](const RunRow& run) { return std::to_string(run.seed); });
  if (seeds.size() == 1 && !data.scores.empty())
    cautions.push_back({plain("One seed: intervals say which samples were drawn, nothing of another training.")});
  return cautions;
}

}  // namespace

Opening opening_of(const ReportData& data, const std::vector<ScoreGroup>& groups) {
  Opening opening;
  const Headline headline = headline_of(data);
  if (!headline.run) return opening;
  if (headline.sampled)
    for (const ArtifactRow* grid : {headline.real, headline.sampled, headline.beside})
      if (grid) opening.pictures.push_back(picture_of(headline, data, groups, *grid));
  opening.chart = curve_chart(headline, data, groups);
  if (!opening.chart) opening.chart = difference_chart(headline, data);
  opening.verdicts = verdicts_of(data);
  if (data.changes) opening.verdicts.push_back(data.changes->headline);
  opening.cautions = cautions_of(data, groups);
  return opening;
}

}  // namespace assay
