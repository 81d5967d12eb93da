#include <fmt/format.h>

#include "reports/claim_evidence.h"
#include "reports/numbers.h"
#include "reports/sections.h"
#include "reports/wording.h"

namespace assay {
namespace {

std::vector<Text> row_of(const LedgerEntry& entry, const ReportData& data) {
  const RecordedVerdict& now = entry.current();
  const ClaimRow& claim = now.claim;
  Span batch = number(std::to_string(claim.batch));
  if (data.batch && data.batch->id == claim.batch) batch.anchor = "overview";
  const std::optional<SeedsNeeded> needed = seeds_needed(claim);
  return {{code(claim.name)},
          {code(claim.method)},
          {verdict_chip(name_of(claim.verdict), claim.verdict)},
          claim.statistic ? Text{number(format_value(*claim.statistic, claim.low, claim.high))} : Text{},
          claim.low && claim.high ? Text{number(format_interval(*claim.low, *claim.high))} : Text{},
          {plain(claim.seeds.empty() ? "" : std::to_string(claim.seeds.size()))},
          {plain(now.runs == 0 ? "" : std::to_string(now.runs))},
          {plain(now.tier)},
          {batch},
          {plain(needed && needed->seeds ? std::to_string(*needed->seeds) : "")},
          {plain(history_words(entry))},
          {plain(claim.statement)},
          {plain(claim.verdict == Verdict::not_run ? claim.note : "")}};
}

}  // namespace

Section ledger_section(const ReportData& data) {
  Section section{"Ledger of claims", "ledger", {}};
  if (data.ledger.empty()) return section;
  Table table;
  table.caption = {
      plain(
          fmt::format("Every claim of this store ({}), as the newest batch of the highest tier judged it. Runs: the "
                      "finished ones of its method in that batch. Seeds needed: an estimate for an inconclusive claim, "
                      "were its value and its spread over seeds to stay; blank where none can be made. Of methods that "
                      "never ran, ",
                      data.ledger.size())),
      code("assay claims"), plain(" lists the claims.")};
  table.columns = {{"Claim"},           {"Method"},       {"Verdict"},    {"Statistic", true}, {"Interval", true},
                   {"Seeds", true},     {"Runs", true},   {"Tier"},       {"Batch", true},     {"Seeds needed", true},
                   {"Verdicts so far"}, {"What it says"}, {"Why not run"}};
  for (const LedgerEntry& entry : data.ledger) table.rows.push_back(row_of(entry, data));
  Part part;
  part.blocks.push_back(std::move(table));
  section.parts.push_back(std::move(part));
  return section;
}

}  // namespace assay
