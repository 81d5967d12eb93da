#include "bench/harness/claim_review.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "bench/harness/verdicts.h"
#include "core/error.h"
#include "core/nearest.h"
#include "reproductions/method.h"

namespace assay {
namespace {

/// The newest batch of a tier with finished runs, and the configuration they share.
struct Recorded {
  ClaimSource source;
  nlohmann::json config;
};

/// By tier.
std::map<std::string, Recorded> newest_batches(const Query& query, const std::string& method,
                                               const std::optional<RowId>& batch) {
  RunFilter filter;
  filter.method = method;
  filter.batch = batch;
  filter.status = RunStatus::done;
  std::map<std::string, Recorded> newest;
  for (const RunRow& run : query.runs(filter)) {
    Recorded& recorded = newest[run.tier];
    if (run.batch < recorded.source.batch) continue;
    if (run.batch > recorded.source.batch) {
      recorded.source.batch = run.batch;
      recorded.source.tier = run.tier;
      recorded.source.dataset = run.dataset;
      recorded.source.runs = 0;
      recorded.config = run.config;
    }
    ++recorded.source.runs;
  }
  return newest;
}

/// The tiers in which a claim may be judged, highest first.
std::vector<std::string> tiers_of(const MethodEntry& method, const ClaimTemplate& claim,
                                  const std::optional<std::string>& only) {
  std::vector<std::string> tiers;
  for (auto tier = method.tiers.rbegin(); tier != method.tiers.rend(); ++tier)
    if (claim.made_in(*tier) && (!only || *only == *tier)) tiers.push_back(*tier);
  return tiers;
}

std::vector<ReviewedClaim> review_one(const Query& query, const MethodEntry& method, const ClaimTemplate& entry,
                                      const std::vector<std::string>& tiers,
                                      const std::map<std::string, Recorded>& newest) {
  const auto tier = std::find_if(tiers.begin(), tiers.end(), [&](const auto& name) { return newest.contains(name); });
  std::vector<ReviewedClaim> reviewed;
  if (tier == tiers.end()) {
    for (const Claim& claim : entry.claims(method.preset(tiers.front())))
      reviewed.push_back({not_run(claim, method.id), claim.rule, std::nullopt});
    return reviewed;
  }
  const auto& [source, config] = newest.at(*tier);
  const std::vector<Claim> claims = entry.claims(config);
  const auto comparisons =
      judge_contrasts(query, source.batch, method.id, source.dataset, contrasts_of(MethodPlan{}, claims));
  const std::vector<ClaimRow> rows = judge_claims(query, source.batch, method.id, claims, comparisons);
  for (std::size_t i = 0; i < rows.size(); ++i) reviewed.push_back({rows[i], claims[i].rule, source});
  return reviewed;
}

}  // namespace

std::vector<ReviewedClaim> review_claims(const Query& query, const ClaimRequest& request) {
  if (request.method) method_entry(*request.method);
  if (request.batch) query.batch(*request.batch);
  if (request.tier) {
    std::vector<std::string> known;
    for (const MethodEntry& method : method_table())
      for (const std::string& tier : method.tiers)
        if (std::find(known.begin(), known.end(), tier) == known.end()) known.push_back(tier);
    if (std::find(known.begin(), known.end(), *request.tier) == known.end())
      throw InputError("--tier: " + unknown_name_message("tier", *request.tier, known));
  }
  std::vector<ReviewedClaim> all;
  for (const MethodEntry& method : method_table()) {
    if (request.method && *request.method != method.id) continue;
    const auto newest = newest_batches(query, method.id, request.batch);
    if (request.batch && !request.method && newest.empty()) continue;
    for (const ClaimTemplate& entry : read_claims(method.claims, method.id + "/claims.json")) {
      const std::vector<std::string> tiers = tiers_of(method, entry, request.tier);
      if (tiers.empty()) continue;
      for (ReviewedClaim& claim : review_one(query, method, entry, tiers, newest)) all.push_back(std::move(claim));
    }
  }
  return all;
}

}  // namespace assay
