#include "bench/harness/claim_review.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "bench/harness/verdicts.h"
#include "core/nearest.h"
#include "core/phrases.h"
#include "reproductions/method_entry.h"

namespace assay {
namespace {

/// A batch with finished runs of a tier, and the configuration they share.
struct Recorded {
  ClaimSource source;
  nlohmann::json config;
  std::optional<FinishedRuns> runs = std::nullopt;  // read when the first claim asks for them
};

/// By tier, the newest first.
std::map<std::string, std::vector<Recorded>> recorded_batches(const Query& query, const std::string& method,
                                                              const std::optional<RowId>& batch) {
  RunFilter filter;
  filter.method = method;
  filter.batch = batch;
  filter.status = RunStatus::done;
  std::map<std::string, std::map<RowId, Recorded, std::greater<>>> by_tier;
  for (const RunRow& run : query.runs(filter)) {
    Recorded& recorded = by_tier[run.tier][run.batch];
    recorded.source.batch = run.batch;
    recorded.source.tier = run.tier;
    recorded.source.dataset = run.dataset;
    ++recorded.source.runs;
    recorded.config = run.config;
  }
  std::map<std::string, std::vector<Recorded>> batches;
  for (auto& [tier, of_tier] : by_tier)
    for (auto& [id, recorded] : of_tier) batches[tier].push_back(std::move(recorded));
  return batches;
}

/// The tiers in which a claim may be judged, highest first.
std::vector<Tier> tiers_of(const MethodEntry& method, const ClaimTemplate& claim,
                           const std::optional<std::string>& only) {
  std::vector<Tier> tiers;
  for (auto tier = method.tiers.rbegin(); tier != method.tiers.rend(); ++tier)
    if (claim.made_in(*tier) && (!only || *only == name_of(*tier))) tiers.push_back(*tier);
  return tiers;
}

std::vector<ReviewedClaim> review_in(const Query& query, const MethodEntry& method, const ClaimTemplate& entry,
                                     Recorded& recorded) {
  const ClaimSource& source = recorded.source;
  const std::vector<Claim> claims = entry.claims(recorded.config);
  if (!recorded.runs) recorded.runs.emplace(query, source.batch, method.id);
  const std::vector<ClaimRow> rows = judge(*recorded.runs, MethodPlan{}, claims).claims;
  std::vector<ReviewedClaim> reviewed;
  for (std::size_t i = 0; i < rows.size(); ++i) reviewed.push_back({rows[i], claims[i].rule, source});
  return reviewed;
}

/// By the newest batch of the highest tier that says something about it, so that a batch of one part of a method hides
/// neither what an earlier one nor what another tier said of another part.
std::vector<ReviewedClaim> review_one(const Query& query, const MethodEntry& method, const ClaimTemplate& entry,
                                      const std::vector<Tier>& tiers,
                                      std::map<std::string, std::vector<Recorded>>& batches,
                                      const std::string& unfinished) {
  std::vector<ReviewedClaim> newest;
  for (const Tier tier : tiers) {
    const auto of_tier = batches.find(name_of(tier));
    if (of_tier == batches.end()) continue;
    for (Recorded& recorded : of_tier->second) {
      std::vector<ReviewedClaim> reviewed = review_in(query, method, entry, recorded);
      const auto judged = [](const ReviewedClaim& claim) { return claim.row.verdict != Verdict::not_run; };
      if (std::any_of(reviewed.begin(), reviewed.end(), judged)) return reviewed;
      if (newest.empty()) newest = std::move(reviewed);
    }
  }
  if (!newest.empty()) return newest;
  for (const Claim& claim : entry.claims(method.preset(tiers.front()))) {
    newest.push_back({not_run(claim, method.id), claim.rule, std::nullopt});
    std::string& note = newest.back().row.note;
    note += fmt::format("{}no finished run in tier {}{}", note.empty() ? "" : "; ", join(names_of(tiers), " or "),
                        unfinished);
  }
  return newest;
}

/// "; of 3 others the last one failed: out of memory", about the runs of a method that did not finish.
std::string unfinished_words(const Query& query, const std::string& method, const ClaimRequest& request) {
  RunFilter filter;
  filter.method = method;
  filter.batch = request.batch;
  filter.tier = request.tier;
  std::vector<RunRow> runs = query.runs(filter);
  std::erase_if(runs, [](const RunRow& run) { return run.status == RunStatus::done; });
  if (runs.empty()) return "";
  const RunRow& last = runs.back();
  const std::string what = last.status == RunStatus::running ? "has no recorded end"
                           : last.reason.empty()             ? name_of(last.status)
                                                             : name_of(last.status) + ": " + last.reason;
  return fmt::format("; {} did not finish, the last one ({}) {}", counted(std::ssize(runs), "run"), last.tier, what);
}

}  // namespace

std::vector<ReviewedClaim> review_claims(const Query& query, const ClaimRequest& request) {
  if (request.method) method_entry(*request.method);
  if (request.batch) query.batch(*request.batch);
  if (request.tier) {
    std::vector<Tier> known;
    for (const MethodEntry& method : method_table())
      for (const Tier tier : method.tiers)
        if (std::find(known.begin(), known.end(), tier) == known.end()) known.push_back(tier);
    find_tier(*request.tier, known, "--tier");
  }
  std::vector<ReviewedClaim> all;
  for (const MethodEntry& method : method_table()) {
    if (request.method && *request.method != method.id) continue;
    auto batches = recorded_batches(query, method.id, request.batch);
    if (request.batch && !request.method && batches.empty()) continue;
    const std::string unfinished = unfinished_words(query, method.id, request);
    for (const ClaimTemplate& entry : method.claims()) {
      const std::vector<Tier> tiers = tiers_of(method, entry, request.tier);
      if (tiers.empty()) continue;
      for (ReviewedClaim& claim : review_one(query, method, entry, tiers, batches, unfinished))
        all.push_back(std::move(claim));
    }
  }
  return all;
}

}  // namespace assay
