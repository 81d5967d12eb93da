#include <fmt/format.h>

#include <algorithm>

#include "reports/provenance.h"
#include "reports/sections.h"
#include "reports/wording.h"

namespace assay {
namespace {

/// Runs of one method, tier and data set.
struct MadeTogether {
  std::vector<const RunRow*> runs;
};

std::vector<MadeTogether> made_together(const std::vector<RunRow>& runs) {
  std::vector<MadeTogether> all;
  for (const RunRow& run : runs) {
    const auto same = [&](const MadeTogether& group) {
      const RunRow& first = *group.runs.front();
      return first.method == run.method && first.tier == run.tier && first.dataset == run.dataset;
    };
    auto found = std::find_if(all.begin(), all.end(), same);
    if (found == all.end()) found = all.insert(found, MadeTogether{});
    found->runs.push_back(&run);
  }
  return all;
}

Table runs_of(const MadeTogether& group, const BatchRow& batch) {
  Table table;
  table.caption = {plain("Each run, and the command that makes it again in a store of its own.")};
  table.columns = {{"Run", true}, {"Seed", true}, {"Status"},        {"Code version"},
                   {"Device"},    {"Machine"},    {"Data set hash"}, {"Command"}};
  for (const RunRow* const run : group.runs) {
    Span id = number(std::to_string(run->id));
    id.anchor = run_anchor(run->id);
    table.rows.push_back({{id},
                          {number(std::to_string(run->seed))},
                          {plain(name_of(run->status))},
                          {code(run->code_version)},
                          {plain(run->device)},
                          {plain(machine_text(run->machine))},
                          {code(run->dataset_hash)},
                          {code(rerun_command(batch, *run))}});
  }
  return table;
}

}  // namespace

Section provenance_section(const ReportData& data) {
  Section section{"Provenance", "provenance", {}};
  if (!data.batch) return section;
  for (const MadeTogether& group : made_together(data.runs)) {
    const RunRow& first = *group.runs.front();
    Part part{fmt::format("{}, tier {}{}", first.method, first.tier, first.dataset.empty() ? "" : ", " + first.dataset),
              provenance_anchor(first.method, first.tier, first.dataset),
              {}};
    part.blocks.push_back(Paragraph{
        {plain(fmt::format("Batch {} of {}, recorded by", data.batch->id, date_text(data.batch->created_at)))}});
    part.blocks.push_back(CodeBlock{data.batch->command});
    part.blocks.push_back(runs_of(group, *data.batch));
    section.parts.push_back(std::move(part));
  }
  return section;
}

}  // namespace assay
