#include "app/store_command.h"

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "core/phrases.h"
#include "reports/numbers.h"
#include "store/check.h"
#include "store/csv_export.h"
#include "store/merge.h"

namespace assay {

int store_check_action(const StoreCommand& options) {
  const Store store = Store::read_only(options.store);
  const StoreCheck result = check_store(store, options.files);
  if (options.json) {
    std::cout << nlohmann::json{{"problems", result.problems},
                                {"sealed", result.sealed},
                                {"unsealed", result.unsealed},
                                {"files", result.files}}
                     .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
              << '\n';
  } else {
    for (const std::string& problem : result.problems) fmt::print("{}\n", problem);
    fmt::print("{}: {}; {} with a seal, {} without{}\n", options.store,
               result.problems.empty() ? "in order" : counted(std::ssize(result.problems), "problem"),
               counted(result.sealed, "stage"), result.unsealed,
               options.files ? fmt::format("; {} read", counted(result.files, "artifact")) : "");
  }
  return result.problems.empty() ? 0 : 1;
}

int store_merge_action(const StoreCommand& options) {
  Store store = Store::open_or_create(options.store);
  nlohmann::json list = nlohmann::json::array();
  for (const std::filesystem::path& source : options.sources) {
    const Merged merged = merge_store(store, source);
    for (const std::string& note : merged.notes) fmt::print(stderr, "{}\n", note);
    list.push_back({{"store", source.string()},
                    {"batches", merged.batches},
                    {"runs", merged.runs},
                    {"scores", merged.scores},
                    {"timings", merged.timings},
                    {"known", merged.known},
                    {"files", merged.files},
                    {"notes", merged.notes}});
    if (!options.json)
      fmt::print("{}: {} with {}, {} and {} added, {} known already, {} copied\n", source.string(),
                 counted(merged.batches, "batch", "batches"), counted(merged.runs, "run"),
                 counted(merged.scores, "score"), counted(merged.timings, "timing"), merged.known,
                 counted(merged.files, "file"));
  }
  if (options.json) std::cout << nlohmann::json{{"merged", std::move(list)}}.dump() << '\n';
  return 0;
}

int store_prune_action(const StoreCommand& options) {
  Store store = Store::open(options.store);
  const Pruned pruned = prune_store(store, options.prune);
  if (options.json)
    std::cout
        << nlohmann::json{{"dry_run", options.prune.dry_run}, {"batches", pruned.batches}, {"samples", pruned.samples},
                          {"artifacts", pruned.artifacts},    {"files", pruned.files},     {"bytes", pruned.bytes}}
               .dump()
        << '\n';
  else
    fmt::print("{} of {}: {}, {} and {} of {}\n", options.prune.dry_run ? "would remove" : "removed",
               counted(pruned.batches, "batch", "batches"), counted(pruned.samples, "raw value"),
               counted(pruned.artifacts, "artifact"), counted(pruned.files, "file"),
               format_si(static_cast<double>(pruned.bytes), "B"));
  return 0;
}

int store_export_action(const StoreCommand& options) {
  const Store store = Store::read_only(options.store);
  nlohmann::json list = nlohmann::json::array();
  for (const ExportedTable& table : export_csv(store, options.out, options.table)) {
    list.push_back({{"file", table.file.string()}, {"rows", table.rows}});
    if (!options.json) fmt::print("{}: {}\n", table.file.string(), counted(table.rows, "row"));
  }
  if (options.json) std::cout << nlohmann::json{{"tables", std::move(list)}}.dump() << '\n';
  return 0;
}

}  // namespace assay
