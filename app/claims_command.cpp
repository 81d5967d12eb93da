#include "app/claims_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "bench/harness/batch_json.h"
#include "bench/harness/claim_review.h"
#include "reports/claim_evidence.h"
#include "reports/claim_ledger.h"
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

/// What the batches of a store said of each claim when they ended, by method and id.
using Ledger = std::map<std::pair<std::string, std::string>, LedgerEntry>;

Ledger ledger_of(const Query& query) {
  Ledger ledger;
  for (LedgerEntry& entry : make_ledger(query.claims(), query.runs(), query.batches())) {
    const ClaimRow& claim = entry.current().claim;
    ledger.emplace(std::pair(claim.method, claim.name), std::move(entry));
  }
  return ledger;
}

const LedgerEntry* find(const Ledger& ledger, const ClaimRow& claim) {
  const auto found = ledger.find({claim.method, claim.name});
  return found == ledger.end() ? nullptr : &found->second;
}

void print_table(const std::vector<ReviewedClaim>& claims, const Ledger& ledger) {
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
      const LedgerEntry* const entry = find(ledger, row);
      for (const std::string& line : {row.note, what_would_decide(row),
                                      entry && entry->history.size() > 1 ? history_words(*entry) : std::string()})
        if (!line.empty()) fmt::print("  {:<{}}  {}\n", "", id, line);
    }
    fmt::print("\n");
  }
  if (claims.empty()) fmt::print("no claim is made there\n");
}

template <class T>
nlohmann::json or_null(const std::optional<T>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

/// What a batch said.
nlohmann::json verdict_json(const RecordedVerdict& recorded) {
  const ClaimRow& claim = recorded.claim;
  return {{"batch", claim.batch},      {"recorded_at", recorded.recorded_at}, {"tier", recorded.tier},
          {"runs", recorded.runs},     {"verdict", name_of(claim.verdict)},   {"statistic", or_null(claim.statistic)},
          {"low", or_null(claim.low)}, {"high", or_null(claim.high)},         {"seeds", claim.seeds}};
}

nlohmann::json reviewed_json(const ReviewedClaim& claim, const Ledger& ledger) {
  nlohmann::json json = claim_json(claim.row);
  const std::optional<SeedsNeeded> needed = seeds_needed(claim.row);
  json["batch"] = claim.source ? nlohmann::json(claim.source->batch) : nlohmann::json();
  json["tier"] = claim.source ? nlohmann::json(claim.source->tier) : nlohmann::json();
  json["runs"] = claim.source ? claim.source->runs : 0;
  json["rule"] = in_words(claim.rule);
  json["note"] = claim.row.note;
  json["values"] = claim.row.values;
  json["seeds_needed"] = needed ? or_null(needed->seeds) : nlohmann::json();
  json["what_would_decide"] = what_would_decide(claim.row);
  json["history"] = nlohmann::json::array();
  if (const LedgerEntry* const entry = find(ledger, claim.row))
    for (const RecordedVerdict& recorded : entry->history) json["history"].push_back(verdict_json(recorded));
  return json;
}

}  // namespace

int claims_action(const ClaimsCommand& options) {
  const Store store = Store::read_only(options.store);
  const Query query(store);
  const std::vector<ReviewedClaim> claims = review_claims(query, options.request);
  const Ledger ledger = ledger_of(query);
  if (!options.json) {
    print_table(claims, ledger);
    return 0;
  }
  nlohmann::json list = nlohmann::json::array();
  for (const ReviewedClaim& claim : claims) list.push_back(reviewed_json(claim, ledger));
  for (const std::string& source : sources_of(claims)) fmt::print(stderr, "{}\n", source);
  std::cout << nlohmann::json{{"claims", std::move(list)}}.dump(-1, ' ', false,
                                                                nlohmann::json::error_handler_t::replace)
            << '\n';
  return 0;
}

}  // namespace assay
