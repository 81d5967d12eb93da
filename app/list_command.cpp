#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/command.h"
#include "bench/parity/parity.h"
#include "core/error.h"
#include "core/nearest.h"
#include "datasets/dataset.h"
#include "metrics/protocols/protocols.h"
#include "reproductions/claims/claims.h"
#include "reproductions/method.h"

namespace assay {
namespace {

/// One line of a list.
struct Row {
  std::string name, description;
};

/// What can be listed, in the order of the help text.
struct Kind {
  std::string name;
  std::vector<Row> (*rows)();
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> table = {
      {"methods",
       [] {
         std::vector<Row> rows;
         for (const MethodEntry& m : method_table())
           rows.push_back({m.id, fmt::format("{} ({}); tiers: {}", m.title, m.reference, join(names_of(m.tiers)))});
         return rows;
       }},
      {"metrics",
       [] {
         return std::vector<Row>{
             {"fd-small", "Fréchet distance on features of a small network of our own; lower is better"},
             {"fid", "Fréchet distance on Inception features; lower is better"},
             {"fid_infinity", "FID extrapolated to infinitely many samples; lower is better"},
             {"sfid", "Fréchet distance on spatial Inception features; lower is better"},
             {"fd", "Fréchet distance on other given features; lower is better"},
             {"kid_mean", "kernel distance on Inception features, mean over subsets; lower is better"},
             {"kid_std", "its standard deviation over subsets, which is no standard error"},
             {"is_mean", "Inception Score, mean over splits; higher is better"},
             {"is_std", "its standard deviation over splits"},
             {"precision", "share of generated samples inside balls of real ones; higher is better"},
             {"recall", "share of real samples inside balls of generated ones; higher is better"},
             {"density", "how many balls of real samples hold a generated one, over k; higher is better"},
             {"coverage", "share of real samples whose ball holds a generated one; higher is better"},
             {"eps_mse", "loss of the predicted noise on held-out images; lower is better"},
             {"mae", "mean absolute error of saliency maps; lower is better"},
             {"s_measure", "structure measure; higher is better"},
             {"weighted_f", "weighted F-measure (Margolin); higher is better"},
             {"max_f, mean_f, adaptive_f", "F-measure over thresholds, and at twice the mean; higher is better"},
             {"max_e, mean_e, adaptive_e",
              "enhanced alignment over thresholds, and at twice the mean; higher is better"},
             {"iou", "overlap of masks; higher is better"},
             {"accuracy", "share of pixels that agree; higher is better"},
             {"corloc", "share of images whose box overlaps a true one by half; higher is better"},
             {"nmi", "normalised mutual information of clusters and labels; higher is better"},
             {"ami", "mutual information adjusted for chance; higher is better"},
             {"ari", "Rand index adjusted for chance; higher is better"},
             {"homogeneity, completeness, v_measure",
              "one class a cluster, one cluster a class, and both; higher is better"},
             {"accuracy_one_to_one", "accuracy under the best pairing of clusters and classes; higher is better"},
             {"accuracy_many_to_one", "accuracy when each cluster takes its commonest class; higher is better"}};
       }},
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

std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds()) names.push_back(kind.name);
  return names;
}

int run(const std::string& what, bool json) {
  for (const Kind& kind : kinds()) {
    if (kind.name != what) continue;
    nlohmann::json list = nlohmann::json::array();
    for (const Row& row : kind.rows()) {
      list.push_back({{"name", row.name}, {"description", row.description}});
      if (json) continue;
      std::string indented;
      for (const char c : row.description) indented += c == '\n' ? "\n" + std::string(24, ' ') : std::string(1, c);
      fmt::print("{:<22}  {}\n", row.name, indented);
    }
    if (json) std::cout << nlohmann::json{{what, list}}.dump() << '\n';
    return 0;
  }
  throw InputError(unknown_name_message("list", what, kind_names()));
}

}  // namespace

void add_list_command(CLI::App& app, CommandContext& context) {
  struct Options {
    std::string what;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("list", "List what there is");
  command->add_option("what", options->what, join(kind_names()))->required();
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback(
      [options, &context] { context.selected = [options] { return run(options->what, options->json); }; });
}

}  // namespace assay
