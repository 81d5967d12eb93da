#include "app/tables_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "bench/harness/published_rows.h"
#include "core/error.h"
#include "core/file.h"
#include "core/nearest.h"
#include "core/tier.h"
#include "reports/paper_table_text.h"
#include "reproductions/method_entry.h"
#include "store/query.h"

namespace assay {
namespace {

using TableText = std::string (*)(const std::vector<PublishedTable>&);
struct Format {
  const char* name;
  TableText text;
};
constexpr Format formats[] = {
    {"markdown", paper_tables_markdown}, {"csv", paper_tables_csv}, {"latex", paper_tables_latex}};

TableText text_of(const std::string& format) {
  std::vector<std::string> known;
  for (const Format& each : formats) {
    if (each.name == format) return each.text;
    known.emplace_back(each.name);
  }
  throw InputError("--format: " + unknown_name_message("format", format, known));
}

/// A published number as a batch recorded it, and the scores of that batch in one tier.
struct Candidate {
  std::vector<PublishedRow> cells;
  std::vector<ScoreGroup> groups;
};

/// The finished runs of a method, those of one batch and one tier together: the highest tier first, of a tier the
/// newest batch.
std::vector<std::vector<RunRow>> finished_runs(const Query& query, const MethodEntry& method,
                                               const TablesCommand& options) {
  RunFilter filter;
  filter.method = method.id;
  filter.batch = options.batch;
  filter.tier = options.tier;
  filter.status = RunStatus::done;
  std::vector<std::vector<RunRow>> together;
  for (RunRow& run : query.runs(filter)) {
    const auto same = [&](const std::vector<RunRow>& runs) {
      return runs.front().batch == run.batch && runs.front().tier == run.tier;
    };
    auto found = std::find_if(together.begin(), together.end(), same);
    if (found == together.end()) found = together.insert(found, std::vector<RunRow>{});
    found->push_back(std::move(run));
  }
  const auto rank = [](const std::vector<RunRow>& runs) {
    const std::vector<Tier>& tiers = all_tiers();
    const auto of_name = [&](Tier tier) { return name_of(tier) == runs.front().tier; };
    return std::find_if(tiers.begin(), tiers.end(), of_name) - tiers.begin();
  };
  std::stable_sort(together.begin(), together.end(), [&](const auto& a, const auto& b) {
    return std::pair(rank(a), a.front().batch) > std::pair(rank(b), b.front().batch);
  });
  return together;
}

/// The tables of a method; what they point to is added to `kept`.
std::vector<PublishedTable> tables_of(const Query& query, const MethodEntry& method, const TablesCommand& options,
                                      std::deque<Candidate>& kept) {
  const std::vector<std::vector<RunRow>> runs = finished_runs(query, method, options);
  if (runs.empty()) {
    kept.push_back({published_rows(0, method, method.preset(method.tiers.back())), {}});
    return published_tables(kept.back().cells, {});
  }
  std::vector<PublishedTable> tables;
  for (const std::vector<RunRow>& of_batch : runs) {
    RunFilter filter;
    filter.method = method.id;
    filter.batch = of_batch.front().batch;
    filter.tier = of_batch.front().tier;
    filter.status = RunStatus::done;
    kept.push_back({published_rows(of_batch.front().batch, method, of_batch.back().config),
                    group_scores(query.scores(filter), of_batch)});
    std::vector<PublishedTable> here = published_tables(kept.back().cells, kept.back().groups);
    if (tables.empty()) {
      tables = std::move(here);
      continue;
    }
    // Of every configuration the same cells in the same order.
    for (std::size_t i = 0; i < tables.size(); ++i)
      for (std::size_t j = 0; j < tables[i].cells.size(); ++j)
        if (!tables[i].cells[j].ours) tables[i].cells[j] = here[i].cells[j];
  }
  return tables;
}

nlohmann::json cell_json(const Beside& beside) {
  const PublishedRow& cell = *beside.cell;
  nlohmann::json json = {{"row", cell.label},
                         {"metric", cell.metric},
                         {"better", name_of(cell.better)},
                         {"published", cell.value ? nlohmann::json(*cell.value) : nlohmann::json()},
                         {"printed", cell.printed},
                         {"samples", cell.n > 0 ? nlohmann::json(cell.n) : nlohmann::json()},
                         {"trust", cell.trust},
                         {"trust_meaning", cell.trust_meaning},
                         {"source", cell.source},
                         {"note", cell.note},
                         {"verdict", beside.verdict},
                         {"why", beside.reason}};
  for (const char* key : {"ours", "low", "high", "interval", "tier", "arm", "params", "protocol"}) json[key] = nullptr;
  json["seeds"] = json["runs"] = nlohmann::json::array();
  if (!beside.ours) return json;
  json["ours"] = beside.mean;
  if (beside.interval) {
    json["low"] = beside.interval->low;
    json["high"] = beside.interval->high;
    json["interval"] = beside.interval->method;
  }
  json["tier"] = beside.ours->tier;
  json["arm"] = beside.ours->arm;
  json["params"] = beside.ours->params;
  json["protocol"] = beside.ours->protocol;
  json["seeds"] = beside.ours->seeds;
  for (const ScoreRow& score : beside.ours->values) json["runs"].push_back(score.run);
  return json;
}

nlohmann::json tables_json(const std::vector<PublishedTable>& tables) {
  nlohmann::json list = nlohmann::json::array();
  for (const PublishedTable& table : tables) {
    nlohmann::json cells = nlohmann::json::array();
    for (const Beside& beside : table.cells) cells.push_back(cell_json(beside));
    list.push_back({{"method", table.method}, {"title", table.title}, {"cells", std::move(cells)}});
  }
  return {{"tables", std::move(list)}};
}

}  // namespace

int tables_action(const TablesCommand& options) {
  const TableText text = text_of(options.format);
  for (const std::string& method : options.methods) method_entry(method);
  if (options.tier) find_tier(*options.tier, all_tiers(), "--tier");
  const Store store = Store::read_only(options.store);
  const Query query(store);
  if (options.batch) query.batch(*options.batch);
  std::deque<Candidate> kept;
  std::vector<PublishedTable> tables;
  for (const MethodEntry& method : method_table()) {
    if (!options.methods.empty() &&
        std::find(options.methods.begin(), options.methods.end(), method.id) == options.methods.end())
      continue;
    for (PublishedTable& table : tables_of(query, method, options, kept)) tables.push_back(std::move(table));
  }
  const std::string written =
      options.json ? tables_json(tables).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"
                   : text(tables);
  if (options.out.empty()) {
    std::cout << written;
    return 0;
  }
  ensure_folder(options.out.has_parent_path() ? options.out.parent_path() : std::filesystem::path("."));
  write_file_atomically(options.out, written);
  fmt::print(stderr, "{}\n", options.out.string());
  return 0;
}

}  // namespace assay
