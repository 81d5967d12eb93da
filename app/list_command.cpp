#include "app/list_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "bench/parity/module_ids.h"
#include "bench/study/plan.h"
#include "core/error.h"
#include "core/nearest.h"
#include "datasets/dataset.h"
#include "metrics/metric_facts.h"
#include "metrics/protocols/protocols.h"
#include "reproductions/claims/claims.h"
#include "reproductions/method_entry.h"

namespace assay {
namespace {

/// One line of a list.
struct Row {
  std::string name, description;
};

/// What can be listed.
struct Kind {
  std::string name;
  std::vector<Row> (*rows)();
};

const char* words_of(Better better) {
  switch (better) {
    case Better::unstated:
      return "";
    case Better::lower:
      return "; lower is better";
    case Better::higher:
      return "; higher is better";
  }
  throw Error("unknown direction");
}

/// One row for each metric, or for several in a row that share their words.
std::vector<Row> metrics_by_words() {
  std::vector<Row> rows;
  std::string_view before;
  for (const MetricFacts& metric : metric_facts()) {
    if (metric.words == before)
      rows.back().name += fmt::format(", {}", metric.name);
    else
      rows.push_back({std::string(metric.name), fmt::format("{}{}", metric.words, words_of(metric.better))});
    before = metric.words;
  }
  return rows;
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> table = {
      {"methods",
       [] {
         std::vector<Row> rows;
         for (const MethodEntry& m : method_table())
           rows.push_back({m.id, fmt::format("{} ({}); tiers: {}", m.title, m.reference, join(names_of(m.tiers)))});
         return rows;
       }},
      {"studies",
       [] {
         const MethodEntry& study = guidance_imbalance_study();
         return std::vector<Row>{{study.id, fmt::format("{}; tiers: {}", study.title, join(names_of(study.tiers)))}};
       }},
      {"metrics", metrics_by_words},
      {"protocols",
       [] {
         std::vector<Row> rows;
         for (const Protocol& p : protocols()) rows.push_back({p.id, p.description + "\nOrigin: " + p.origin});
         return rows;
       }},
      {"datasets",
       [] {
         std::vector<Row> rows;
         for (const DatasetEntry& d : dataset_table()) rows.push_back({d.name, d.description});
         return rows;
       }},
      {"models",
       [] {
         std::vector<Row> rows;
         for (const std::string& id : parity_modules()) rows.push_back({id, "checked by `assay parity`"});
         return rows;
       }},
      {"kernels",
       [] {
         return std::vector<Row>{{"guided_ddim_step", "guidance, x0 and the DDIM update in one pass"},
                                 {"smallest_distances", "the k nearest references of each row, no N x M matrix"},
                                 {"moments", "sum and outer products of features in double"},
                                 {"adamw_step", "AdamW and the moving average of the weights in one pass"},
                                 {"gather_patches", "the pixels of visible patches alone, and back into an image"},
                                 {"visible_tokens", "visible patches with their positions behind the first tokens"}};
       }},
      {"claims",
       [] {
         std::vector<Row> rows;
         for (const MethodEntry& m : method_table())
           for (const ClaimTemplate& entry : m.claims()) {
             // Of the highest tier in which it is made: its preset says how many there are.
             const auto tier = std::find_if(m.tiers.rbegin(), m.tiers.rend(), [&](Tier t) { return entry.made_in(t); });
             if (tier == m.tiers.rend()) continue;
             for (const Claim& c : entry.claims(m.preset(*tier)))
               rows.push_back({m.id + "/" + c.id, c.statement + "\nOrigin: " + c.origin});
           }
         return rows;
       }},
  };
  return table;
}

}  // namespace

std::vector<std::string> list_kinds() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds()) names.push_back(kind.name);
  return names;
}

int list_action(const ListCommand& options) {
  for (const Kind& kind : kinds()) {
    if (kind.name != options.what) continue;
    nlohmann::json list = nlohmann::json::array();
    for (const Row& row : kind.rows()) {
      list.push_back({{"name", row.name}, {"description", row.description}});
      if (options.json) continue;
      std::string indented;
      for (const char c : row.description) indented += c == '\n' ? "\n" + std::string(24, ' ') : std::string(1, c);
      fmt::print("{:<22}  {}\n", row.name, indented);
    }
    if (options.json) std::cout << nlohmann::json{{options.what, list}}.dump() << '\n';
    return 0;
  }
  throw InputError(unknown_name_message("list", options.what, list_kinds()));
}

}  // namespace assay
