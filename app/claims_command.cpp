#include "app/claims_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/harness/batch_json.h"
#include "bench/harness/claim_review.h"
#include "reports/numbers.h"
#include "store/query.h"

namespace assay {
namespace {

std::string source_text(const ReviewedClaim& claim) {
  if (!claim.source) return claim.row.method + ": no finished run to judge from";
  const ClaimSource& source = *claim.source;
  return fmt::format("{}: batch {}, {} tier{}, {} finished {}", claim.row.method, source.batch, source.tier,
                     source.dataset.empty() ? "" : " on " + source.dataset, source.runs,
                     source.runs == 1 ? "run" : "runs");
}

/// In the order of their first claims.
std::vector<std::string> sources_of(const std::vector<ReviewedClaim>& claims) {
  std::vector<std::string> sources;
  for (const ReviewedClaim& claim : claims)
    if (std::find(sources.begin(), sources.end(), source_text(claim)) == sources.end())
      sources.push_back(source_text(claim));
  return sources;
}

std::string statistic_text(const ClaimRow& row) {
  if (!row.statistic) return "-";
  const std::string value = format_value(*row.statistic, row.low, row.high);
  return row.low ? value + " " + format_interval(*row.low, *row.high) : value;
}

void print_table(const std::vector<ReviewedClaim>& claims) {
  std::size_t id = 2, statistic = 9, rule = 5;
  for (const ReviewedClaim& claim : claims) {
    id = std::max(id, claim.row.name.size());
    statistic = std::max(statistic, statistic_text(claim.row).size());
    rule = std::max(rule, in_words(claim.rule).size());
  }
  for (const std::string& source : sources_of(claims)) {
    fmt::print("{}\n  {:<{}}  {:<12}  {:<{}}  {:<{}}  {:>5}  {}\n", source, "id", id, "verdict", "statistic", statistic,
               "rule", rule, "seeds", "claim");
    for (const ReviewedClaim& claim : claims) {
      if (source_text(claim) != source) continue;
      const ClaimRow& row = claim.row;
      fmt::print("  {:<{}}  {:<12}  {:<{}}  {:<{}}  {:>5}  {}\n", row.name, id, name_of(row.verdict),
                 statistic_text(row), statistic, in_words(claim.rule), rule, row.seeds.size(), row.statement);
      if (!row.note.empty()) fmt::print("  {:<{}}  {}\n", "", id, row.note);
    }
    fmt::print("\n");
  }
  if (claims.empty()) fmt::print("no claim is made there\n");
}

}  // namespace

int claims_action(const ClaimsCommand& options) {
  const Store store = Store::read_only(options.store);
  const std::vector<ReviewedClaim> claims = review_claims(Query(store), options.request);
  if (!options.json) {
    print_table(claims);
    return 0;
  }
  nlohmann::json list = nlohmann::json::array();
  for (const ReviewedClaim& claim : claims) list.push_back(claim_json(claim.row));
  for (const std::string& source : sources_of(claims)) fmt::print(stderr, "{}\n", source);
  std::cout << nlohmann::json{{"claims", std::move(list)}}.dump() << '\n';
  return 0;
}

}  // namespace assay
