#include <fmt/format.h>

#include <algorithm>

#include "core/nearest.h"
#include "reports/numbers.h"
#include "reports/published_beside.h"
#include "reports/sections.h"
#include "reports/summary.h"
#include "reports/wording.h"

namespace assay {
namespace {

template <class Value>
std::vector<std::string> distinct_in(const std::vector<Beside>& cells, Value&& value) {
  return distinct(cells, [&](const Beside& beside) { return value(*beside.cell); });
}

/// The table as published, with a word on each row about ours.
Table published_table(const PublishedTable& paper) {
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
Table beside_table(const PublishedTable& paper) {
  Table table;
  std::vector<const ScoreGroup*> groups;
  table.columns = {{"Row"},     {"Metric"}, {"Published", true}, {"Ours", true}, {"Interval", true},
                   {"Verdict"}, {"Why"},    {"Our arm"},         {"Tier"},       {"Seeds", true},
                   {"Protocol"}};
  for (const Beside& beside : paper.cells) {
    if (!beside.ours) continue;
    const ScoreGroup& ours = *beside.ours;
    groups.push_back(&ours);
    const std::string params = params_text(ours.params);
    Span value = number(value_of(beside.mean, beside.interval));
    value.anchor = is_clustering(ours.name) ? "clusters" : score_anchor(ours.values.front().id);
    table.rows.push_back({{plain(beside.cell->label)},
                          {plain(beside.cell->metric)},
                          {number(beside.cell->printed), muted(" " + beside.cell->trust)},
                          {value},
                          {number(interval_of(beside.interval))},
                          {chip(beside.verdict, beside.tone)},
                          {plain(beside.reason)},
                          {code(ours.arm), muted(params.empty() ? "" : " " + params)},
                          {plain(ours.tier)},
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
  for (const PublishedTable& paper : published_tables(data.published, groups)) {
    Part part{paper.title + qualify(paper.method, "", ""), "", {}};
    part.blocks.push_back(published_table(paper));
    if (Table beside = beside_table(paper); !beside.rows.empty()) part.blocks.push_back(std::move(beside));
    section.parts.push_back(std::move(part));
  }
  return section;
}

}  // namespace assay
