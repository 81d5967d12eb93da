#include "reports/paper_table_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/nearest.h"
#include "core/phrases.h"
#include "reports/numbers.h"
#include "reports/pages/escape.h"
#include "reports/wording.h"
#include "store/csv_export.h"

namespace assay {
namespace {

template <class Value>
std::vector<std::string> distinct_in(const PublishedTable& table, Value&& value) {
  return distinct(table.cells, [&](const Beside& beside) { return std::string(value(beside)); });
}

/// Where the numbers were read, of how many samples, what the tags say, and how our intervals were made. A sentence
/// each.
std::vector<std::string> sentences_of(const PublishedTable& table) {
  std::vector<std::string> sentences{
      fmt::format("Read in: {}.", join(distinct_in(table, [](const Beside& b) { return b.cell->source; }), "; "))};
  if (table.cells.front().cell->n > 0)
    sentences.push_back(fmt::format("Published: {} samples.", format_count(table.cells.front().cell->n)));
  for (const std::string& meaning : distinct_in(table, [](const Beside& b) {
         return b.cell->trust.empty() ? "" : b.cell->trust + ": " + b.cell->trust_meaning;
       }))
    sentences.push_back(meaning + ".");
  const std::vector<std::string> levels =
      distinct_in(table, [](const Beside& b) { return b.interval ? level_text(*b.interval) : std::string(); });
  if (!levels.empty()) sentences.push_back(interval_note(levels));
  return sentences;
}

std::string ours_of(const Beside& beside) { return beside.ours ? value_of(beside.mean, beside.interval) : ""; }

std::string tier_of(const Beside& beside) { return beside.ours ? beside.ours->tier : ""; }

std::string seeds_of(const Beside& beside) { return beside.ours ? std::to_string(beside.ours->values.size()) : ""; }

std::string runs_of(const Beside& beside) {
  if (!beside.ours) return "";
  std::vector<std::string> runs;
  for (const ScoreRow& score : beside.ours->values) runs.push_back(std::to_string(score.run));
  return join(runs, " ");
}

/// Of the verdict and of the row.
std::string remark_of(const Beside& beside) {
  return beside.reason.empty() || beside.cell->note.empty() ? beside.reason + beside.cell->note
                                                            : beside.reason + "; " + beside.cell->note;
}

/// With minus signs for hyphens.
std::string latex_number(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '-' ? std::string("\u2212") : std::string(1, c);
  return escape_latex(out);
}

bool any_trust_differs(const PublishedTable& table) {
  return distinct_in(table, [](const Beside& b) { return b.cell->trust; }).size() > 1;
}

}  // namespace

std::string paper_tables_markdown(const std::vector<PublishedTable>& tables) {
  std::string text;
  for (const PublishedTable& table : tables) {
    if (!text.empty()) text += "\n";
    text += fmt::format("### {}: {}\n\n{}\n\n", escape_markdown(table.method), escape_markdown(table.title),
                        escape_markdown(join(sentences_of(table), " ")));
    const bool remarks =
        std::any_of(table.cells.begin(), table.cells.end(), [](const Beside& b) { return !remark_of(b).empty(); });
    text += fmt::format("| Row | Metric | Published | Ours | Interval | Seeds | Tier | Verdict |{}\n",
                        remarks ? " Remark |" : "");
    text += fmt::format("| --- | --- | ---: | ---: | ---: | ---: | --- | --- |{}\n", remarks ? " --- |" : "");
    for (const Beside& beside : table.cells) {
      const std::string direction = direction_text(beside.cell->better);
      const std::string published =
          beside.cell->printed + (beside.cell->trust.empty() ? "" : " (" + beside.cell->trust + ")");
      for (const std::string& field :
           {beside.cell->label, beside.cell->metric + (direction.empty() ? "" : " (" + direction + ")"), published,
            ours_of(beside), interval_of(beside.interval), seeds_of(beside), tier_of(beside),
            std::string(beside.verdict)})
        text += fmt::format("| {} ", escape_markdown(field));
      if (remarks) text += fmt::format("| {} ", escape_markdown(remark_of(beside)));
      text += "|\n";
    }
  }
  return text;
}

std::string paper_tables_csv(const std::vector<PublishedTable>& tables) {
  std::string text =
      "method,table,row,metric,better,published,published_samples,trust,trust_meaning,source,ours,low,high,interval,"
      "tier,seeds,samples,verdict,why,note,arm,params,protocol,runs\r\n";
  for (const PublishedTable& table : tables)
    for (const Beside& beside : table.cells) {
      const PublishedRow& cell = *beside.cell;
      const ScoreGroup* const ours = beside.ours;
      const auto end = [&](double value) { return format_value(value, beside.interval->low, beside.interval->high); };
      const std::array<std::string, 24> fields{table.method,
                                               table.title,
                                               cell.label,
                                               cell.metric,
                                               name_of(cell.better),
                                               cell.printed,
                                               cell.n > 0 ? std::to_string(cell.n) : "",
                                               cell.trust,
                                               cell.trust_meaning,
                                               cell.source,
                                               ours_of(beside),
                                               beside.interval ? end(beside.interval->low) : "",
                                               beside.interval ? end(beside.interval->high) : "",
                                               beside.interval ? level_text(*beside.interval) : "",
                                               tier_of(beside),
                                               seeds_of(beside),
                                               ours ? count_range(ours->values) : "",
                                               beside.verdict,
                                               beside.reason,
                                               cell.note,
                                               ours ? ours->arm : "",
                                               ours ? params_text(ours->params) : "",
                                               ours ? ours->protocol : "",
                                               runs_of(beside)};
      for (std::size_t i = 0; i < fields.size(); ++i)
        text += (i == 0 ? "" : ",") + (fields[i].empty() ? "" : csv_text(fields[i]));
      text += "\r\n";
    }
  return text;
}

std::string paper_tables_latex(const std::vector<PublishedTable>& tables) {
  std::string text = "% Needs \\usepackage{booktabs}.\n";
  for (const PublishedTable& table : tables) {
    const bool tags = any_trust_differs(table);
    std::vector<std::string> remarks;
    std::string rows;
    std::string label;
    for (const Beside& beside : table.cells) {
      const PublishedRow& cell = *beside.cell;
      if (!label.empty() && label != cell.label) rows += "    \\addlinespace\n";
      const char* const arrow = cell.better == Better::lower    ? " $\\downarrow$"
                                : cell.better == Better::higher ? " $\\uparrow$"
                                                                : "";
      const std::string remark = remark_of(beside);
      std::string mark;
      if (!remark.empty()) {
        auto known = std::find(remarks.begin(), remarks.end(), remark);
        if (known == remarks.end()) known = remarks.insert(known, remark);
        mark = fmt::format("\\textsuperscript{{{}}}", known - remarks.begin() + 1);
      }
      rows += fmt::format(
          "    {} & {}{} & {}{} & {} & {} & {} & {} & {}{} \\\\\n", label == cell.label ? "" : escape_latex(cell.label),
          escape_latex(cell.metric), arrow, latex_number(cell.printed),
          tags && !cell.trust.empty() ? fmt::format("\\textsuperscript{{{}}}", escape_latex(cell.trust)) : "",
          latex_number(ours_of(beside)), latex_number(interval_of(beside.interval)), seeds_of(beside),
          escape_latex(tier_of(beside)), beside.verdict, mark);
      label = cell.label;
    }
    text += fmt::format(
        "\\begin{{table}}\n  \\centering\n  \\small\n  \\caption{{{} ({}). {}}}\n"
        "  \\begin{{tabular}}{{llrrrrll}}\n    \\toprule\n"
        "    Row & Metric & Published & Ours & Interval & Seeds & Tier & Verdict \\\\\n    \\midrule\n{}"
        "    \\bottomrule\n  \\end{{tabular}}\n",
        escape_latex(table.title), escape_latex(table.method), escape_latex(join(sentences_of(table), " ")), rows);
    if (!remarks.empty()) {
      text += "\n  \\smallskip\n  {\\footnotesize ";
      for (std::size_t i = 0; i < remarks.size(); ++i)
        text += fmt::format("{}\\textsuperscript{{{}}}~{}", i == 0 ? "" : "; ", i + 1, escape_latex(remarks[i]));
      text += ".}\n";
    }
    text += "\\end{table}\n\n";
  }
  return text;
}

}  // namespace assay
