#include <fmt/format.h>

#include <algorithm>

#include "reports/claim_evidence.h"
#include "reports/numbers.h"
#include "reports/sections.h"
#include "reports/wording.h"

namespace assay {
namespace {

Card card_of(const ClaimRow& claim, const ReportData& data, const std::vector<ScoreGroup>& groups) {
  Card card;
  card.chip = verdict_chip(name_of(claim.verdict), claim.verdict);
  card.title = {plain(claim.statement)};
  Text line;
  const auto separate = [&line] {
    if (!line.empty()) line.push_back(muted(" \u00B7 "));
  };
  if (claim.statistic) {
    line.push_back(plain("statistic "));
    line.push_back(number(format_value(*claim.statistic, claim.low, claim.high)));
    line.back().anchor = evidence_anchor(claim, data.comparisons, groups);
    if (claim.low && claim.high) line.push_back(number(" " + format_interval(*claim.low, *claim.high)));
  }
  if (!claim.threshold.empty()) {
    separate();
    line.push_back(plain("threshold " + claim.threshold));
  }
  if (!claim.seeds.empty()) {
    separate();
    line.push_back(plain(fmt::format("{} {} ({})", claim.seeds.size(), claim.seeds.size() == 1 ? "seed" : "seeds",
                                     seeds_text(claim.seeds))));
  }
  if (!line.empty()) card.lines.push_back(std::move(line));
  if (std::string decisive = what_would_decide(claim); !decisive.empty())
    card.lines.push_back({plain(std::move(decisive))});
  if (!claim.note.empty()) card.lines.push_back({plain(claim.note)});
  card.lines.push_back(
      {code(claim.name), muted(" of "), code(claim.method), muted(claim.origin.empty() ? "" : ", " + claim.origin)});
  return card;
}

}  // namespace

Section claims_section(const ReportData& data, const std::vector<ScoreGroup>& groups) {
  Section section{"Claims", "claims", {}};
  const auto with = [&](Verdict verdict) {
    Cards cards;
    for (const ClaimRow& claim : data.claims)
      if (claim.verdict == verdict) cards.cards.push_back(card_of(claim, data, groups));
    return cards;
  };
  Cards decided = with(Verdict::supported), contradicted = with(Verdict::contradicted),
        inconclusive = with(Verdict::inconclusive), not_run = with(Verdict::not_run);
  std::move(contradicted.cards.begin(), contradicted.cards.end(), std::back_inserter(decided.cards));
  for (auto& [title, cards] : {std::pair{"Decided", &decided}, std::pair{"Inconclusive", &inconclusive}})
    if (!cards->cards.empty()) {
      Part part{fmt::format("{} ({})", title, cards->cards.size()), "", {}};
      part.blocks.push_back(std::move(*cards));
      section.parts.push_back(std::move(part));
    }
  if (!not_run.cards.empty()) {
    Details details{fmt::format("Not run ({})", not_run.cards.size()), {}};
    details.blocks.push_back(std::move(not_run));
    Part part;
    part.blocks.push_back(std::move(details));
    section.parts.push_back(std::move(part));
  }
  return section;
}

}  // namespace assay
