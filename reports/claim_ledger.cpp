#include "reports/claim_ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/nearest.h"
#include "core/tier.h"

namespace assay {
namespace {

/// The finished runs of a method in a batch.
struct FinishedIn {
  std::string tier;
  std::size_t runs = 0;
};

/// 0 where nothing ran, then the tiers from the smallest on.
std::ptrdiff_t rank_of(const std::string& tier) {
  const std::vector<Tier>& tiers = all_tiers();
  const auto found = std::find_if(tiers.begin(), tiers.end(), [&](Tier each) { return name_of(each) == tier; });
  return found == tiers.end() ? 0 : found - tiers.begin() + 1;
}

bool counts_more(const RecordedVerdict& a, const RecordedVerdict& b) {
  const auto judged = [](const RecordedVerdict& each) { return each.claim.verdict != Verdict::not_run; };
  const auto weight = [&](const RecordedVerdict& each) {
    return judged(each) ? rank_of(each.tier) + 1 : std::ptrdiff_t{0};
  };
  return weight(a) >= weight(b);
}

}  // namespace

std::vector<LedgerEntry> make_ledger(const std::vector<ClaimRow>& claims, const std::vector<RunRow>& runs,
                                     const std::vector<BatchRow>& batches) {
  std::map<std::pair<RowId, std::string>, FinishedIn> finished;
  for (const RunRow& run : runs) {
    if (run.status != RunStatus::done) continue;
    FinishedIn& of_batch = finished[{run.batch, run.method}];
    of_batch.tier = run.tier;
    ++of_batch.runs;
  }
  std::map<RowId, std::string> began;
  for (const BatchRow& batch : batches) began[batch.id] = batch.created_at;

  std::vector<std::string> methods;
  std::map<std::string, std::vector<LedgerEntry>> by_method;
  std::map<std::pair<std::string, std::string>, std::size_t> places;
  for (const ClaimRow& claim : claims) {
    std::vector<LedgerEntry>& entries = by_method[claim.method];
    if (entries.empty()) methods.push_back(claim.method);
    const auto [place, is_new] = places.try_emplace({claim.method, claim.name}, entries.size());
    if (is_new) entries.emplace_back();
    const FinishedIn& of_batch = finished[{claim.batch, claim.method}];
    entries[place->second].history.push_back({claim, began[claim.batch], of_batch.tier, of_batch.runs});
  }

  std::vector<LedgerEntry> ledger;
  for (const std::string& method : methods)
    for (LedgerEntry& entry : by_method[method]) {
      // Batches of other machines, merged later, may have begun before.
      std::stable_sort(entry.history.begin(), entry.history.end(), [](const auto& a, const auto& b) {
        return std::pair(a.recorded_at, a.claim.batch) < std::pair(b.recorded_at, b.claim.batch);
      });
      for (std::size_t i = 1; i < entry.history.size(); ++i)
        if (counts_more(entry.history[i], entry.current())) entry.counts = i;
      ledger.push_back(std::move(entry));
    }
  return ledger;
}

std::string history_words(const LedgerEntry& entry) {
  std::vector<std::string> parts;
  for (std::size_t first = 0; first < entry.history.size();) {
    const RecordedVerdict& begin = entry.history[first];
    std::vector<std::string> batches;
    std::size_t last = first;
    for (; last < entry.history.size() && entry.history[last].tier == begin.tier &&
           entry.history[last].claim.verdict == begin.claim.verdict;
         ++last)
      batches.push_back(std::to_string(entry.history[last].claim.batch));
    const std::string named =
        batches.size() > 3 ? fmt::format("{} batches from {} to {}", batches.size(), batches.front(), batches.back())
                           : fmt::format("batch {}", join(batches));
    parts.push_back(fmt::format("{} in {}{}", name_of(begin.claim.verdict), named,
                                begin.tier.empty() ? "" : " (" + begin.tier + ")"));
    first = last;
  }
  return join(parts, "; ");
}

}  // namespace assay
