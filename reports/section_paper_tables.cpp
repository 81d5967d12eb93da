#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/nearest.h"
#include "core/tier.h"
#include "reports/numbers.h"
#include "reports/sections.h"
#include "reports/summary.h"
#include "reports/wording.h"

namespace assay {
namespace {

/// A published number, the score of ours beside it, and what the two say.
struct Beside {
  const PublishedRow* cell = nullptr;
  const ScoreGroup* ours = nullptr;  // none: not run
  double mean = 0;                   // of ours, in the unit that is printed
  std::optional<ScoreInterval> interval;
  const char* verdict = "not run";
  Tone tone = Tone::neutral;
  std::string reason;
};

bool has_params(const nlohmann::json& params, const nlohmann::json& wanted) {
  for (const auto& [key, value] : wanted.items())
    if (!params.contains(key) || params.at(key) != value) return false;
  return true;
}

/// The scores that a candidate names: the one with just its params, else the only one that has them.
const ScoreGroup* find(const std::vector<ScoreGroup>& groups, const std::string& method,
                       const nlohmann::json& candidate) {
  const nlohmann::json& params = candidate.at("params");
  const ScoreGroup* found = nullptr;
  bool several = false;
  for (const ScoreGroup& group : groups) {
    if (group.method != method || group.name != candidate.at("score") || group.protocol != candidate.at("protocol") ||
        group.arm != candidate.at("arm") || !has_params(group.params, params))
      continue;
    if (group.params.size() == params.size()) return &group;
    several = found != nullptr;
    found = &group;
  }
  return several ? nullptr : found;
}

/// Half a unit of the last printed digit: "0.70" stands for 0.695 to 0.705.
double half_unit(const std::string& printed) {
  const std::size_t point = printed.find('.');
  const auto decimals = point == std::string::npos ? 0 : printed.size() - point - 1;
  return 0.5 * std::pow(10.0, -static_cast<double>(decimals));
}

Beside compare(const PublishedRow& cell, const std::vector<ScoreGroup>& groups) {
  Beside beside;
  beside.cell = &cell;
  bool stand_in = false;
  double scale = 1.0;
  for (const nlohmann::json& candidate : cell.ours) {
    beside.ours = find(groups, cell.method, candidate);
    stand_in = candidate.at("stand_in").get<bool>();
    if (beside.ours) {
      scale = candidate.value("scale", 1.0);
      break;
    }
  }
  if (!beside.ours) return beside;
  const ScoreGroup& ours = *beside.ours;
  beside.mean = scale * ours.mean;
  beside.interval = ours.interval;
  if (beside.interval) {
    beside.interval->low *= scale;
    beside.interval->high *= scale;
  }
  const auto set = [&](const char* verdict, Tone tone, std::string reason) {
    beside.verdict = verdict;
    beside.tone = tone;
    beside.reason = std::move(reason);
    return beside;
  };
  const auto not_comparable = [&](std::string reason) {
    return set("not comparable", Tone::caution, std::move(reason));
  };
  const auto other_n = [&](const ScoreRow& score) { return score.n != cell.n; };
  if (stand_in) return not_comparable(fmt::format("{} is not {}", ours.name, cell.metric));
  if (!cell.value) return not_comparable("the published number is unknown");
  if (ours.tier != name_of(Tier::paper)) return not_comparable(ours.tier + " tier");
  if (cell.n > 0 && std::any_of(ours.values.begin(), ours.values.end(), other_n))
    return not_comparable(fmt::format("{} samples, published {}", count_range(ours.values), format_count(cell.n)));
  if (!ours.interval) return not_comparable("ours has no interval");
  const double rounding = half_unit(cell.printed);
  if (beside.interval->low <= *cell.value + rounding && beside.interval->high >= *cell.value - rounding)
    return set("reproduced", Tone::good, "");
  if (cell.better == Better::unstated) return set("not reproduced", Tone::bad, "");
  const bool better = (beside.mean < *cell.value) == (cell.better == Better::lower);
  return set("not reproduced", Tone::bad, better ? "ours is better" : "ours is worse");
}

/// The cells of one table, in the order of the file.
struct PaperTable {
  std::string method, title;
  std::vector<Beside> cells;
};

std::vector<PaperTable> tables_of(const std::vector<PublishedRow>& published, const std::vector<ScoreGroup>& groups) {
  std::vector<PaperTable> tables;
  for (const PublishedRow& cell : published) {
    if (tables.empty() || tables.back().method != cell.method || tables.back().title != cell.title)
      tables.push_back({cell.method, cell.title, {}});
    tables.back().cells.push_back(compare(cell, groups));
  }
  return tables;
}

template <class Value>
std::vector<std::string> distinct_in(const std::vector<Beside>& cells, Value&& value) {
  return distinct(cells, [&](const Beside& beside) { return value(*beside.cell); });
}

/// The table as published, with a word on each row about ours.
Table published_table(const PaperTable& paper) {
  const auto metrics = distinct_in(paper.cells, [](const PublishedRow& cell) { return cell.metric; });
  const auto labels = distinct_in(paper.cells, [](const PublishedRow& cell) { return cell.label; });
  const auto sources = distinct_in(paper.cells, [](const PublishedRow& cell) { return cell.source; });
  const bool settings =
      !distinct_in(paper.cells, [](const PublishedRow& cell) { return members_text(cell.settings, " = "); }).empty();
  const bool notes = !distinct_in(paper.cells, [](const PublishedRow& cell) { return cell.note; }).empty();

  Table table;
  std::string caption = "Read in: " + join(sources, "; ") + ".";
  if (paper.cells.front().cell->n > 0)
    caption += fmt::format(" {} samples.", format_count(paper.cells.front().cell->n));
  table.caption = {plain(caption)};
  for (const std::string& meaning : distinct_in(paper.cells, [](const PublishedRow& cell) {
         return cell.trust.empty() ? "" : cell.trust + ": " + cell.trust_meaning;
       }))
    table.caption.push_back(plain(" " + meaning + "."));
  table.columns = {{"Row"}};
  for (const std::string& metric : metrics) table.columns.push_back({metric, true});
  table.columns.push_back({"Trust"});
  table.columns.push_back({"Ours"});
  if (settings) table.columns.push_back({"Settings"});
  if (sources.size() > 1) table.columns.push_back({"Source"});
  if (notes) table.columns.push_back({"Note"});

  for (const std::string& label : labels) {
    std::vector<Beside> row;
    std::copy_if(paper.cells.begin(), paper.cells.end(), std::back_inserter(row),
                 [&](const Beside& beside) { return beside.cell->label == label; });
    const auto tags = distinct_in(row, [](const PublishedRow& cell) { return cell.trust; });
    std::vector<Text> cells{{plain(label)}};
    for (const std::string& metric : metrics) {
      const auto found =
          std::find_if(row.begin(), row.end(), [&](const Beside& beside) { return beside.cell->metric == metric; });
      Text text;
      if (found != row.end() && found->cell->value) {
        text.push_back(number(found->cell->printed));
        if (tags.size() > 1) text.push_back(muted(" " + found->cell->trust));
      }
      cells.push_back(std::move(text));
    }
    cells.push_back({plain(join(tags))});
    Text verdicts;
    for (const Beside& beside : row) {
      const auto same = [&](const Span& span) { return span.text == beside.verdict; };
      const bool run = std::any_of(row.begin(), row.end(), [](const Beside& b) { return b.ours != nullptr; });
      if ((beside.ours || !run) && std::none_of(verdicts.begin(), verdicts.end(), same))
        verdicts.push_back(chip(beside.verdict, beside.tone));
    }
    cells.push_back(std::move(verdicts));
    const PublishedRow& first = *row.front().cell;
    if (settings) cells.push_back({plain(members_text(first.settings, " = "))});
    if (sources.size() > 1) cells.push_back({plain(first.source)});
    if (notes) cells.push_back({plain(first.note)});
    table.rows.push_back(std::move(cells));
  }
  return table;
}

/// The cells that have a score of ours beside them; no rows where none has.
Table beside_table(const PaperTable& paper) {
  Table table;
  std::vector<const ScoreGroup*> groups;
  table.columns = {{"Row"},     {"Metric"}, {"Published", true}, {"Ours", true},  {"Interval", true},
                   {"Verdict"}, {"Why"},    {"Our arm"},         {"Seeds", true}, {"Protocol"}};
  for (const Beside& beside : paper.cells) {
    if (!beside.ours) continue;
    const ScoreGroup& ours = *beside.ours;
    groups.push_back(&ours);
    const std::string params = params_text(ours.params);
    table.rows.push_back({{plain(beside.cell->label)},
                          {plain(beside.cell->metric)},
                          {number(beside.cell->printed), muted(" " + beside.cell->trust)},
                          {number(value_of(beside.mean, beside.interval))},
                          {number(interval_of(beside.interval))},
                          {chip(beside.verdict, beside.tone)},
                          {plain(beside.reason)},
                          {code(ours.arm), muted(params.empty() ? "" : " " + params)},
                          {plain(std::to_string(ours.values.size()))},
                          {link(ours.protocol, protocol_anchor(ours.protocol_id))}});
  }
  if (!groups.empty())
    table.caption = {plain("Published numbers beside ours. " + interval_note(interval_levels(groups)))};
  return table;
}

}  // namespace

Section paper_tables_section(const ReportData& data, const std::vector<ScoreGroup>& groups) {
  Section section{"Paper tables", "paper-tables", {}};
  const Qualifier qualify(data.runs);
  for (const PaperTable& paper : tables_of(data.published, groups)) {
    Part part{paper.title + qualify(paper.method, "", ""), "", {}};
    part.blocks.push_back(published_table(paper));
    if (Table beside = beside_table(paper); !beside.rows.empty()) part.blocks.push_back(std::move(beside));
    section.parts.push_back(std::move(part));
  }
  return section;
}

}  // namespace assay
