#include <fmt/format.h>

#include "reports/numbers.h"
#include "reports/sections.h"
#include "reports/wording.h"

namespace assay {
namespace {

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

}  // namespace

Section claims_section(const ReportData& data) {
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

}  // namespace assay
