#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/nearest.h"
#include "reproductions/plan.h"
#include "reproductions/published/network.h"

namespace assay {

class ConfigReader;

/// What the configurations of all published runs have in common.
struct PublishedConfig {
  std::filesystem::path folder;                      // in which files are looked for
  NeededFile inception;                              // FID's network, converted
  std::map<std::string, PublishedNetwork> networks;  // by the names that rows use
  std::map<std::string, NeededFile> references;      // the same
  std::vector<std::string> rows;                     // the selected ones, in the order they are run
  std::vector<std::string> protocols;                // of the scores
  std::int64_t images = 50000;                       // a row
  std::int64_t shard = 500;                          // images that a kill can cost
  std::int64_t batch = 50;                           // images at a time on a GPU, and through Inception
  std::int64_t bootstrap = 200;                      // replicates behind an interval
  std::vector<std::string> unknown;                  // what the paper and its code leave open
};

/// Reads the keys files, references, row, rows, protocols, bootstrap and unknown; `row` names one row, else `rows`
/// lists them; the rows are the keys of `published`. Throws InputError, for an unknown row with the nearest one.
PublishedConfig read_published_config(ConfigReader& reader);

/// Reads the key networks: those of diffusion/networks/adm/adm_configurations.h. Throws InputError.
void read_networks(ConfigReader& reader, PublishedConfig& config);
/// Reads the keys samples, shard and batch of `sampling`.
void read_amounts(ConfigReader& sampling, PublishedConfig& config);

/// JSON pointers to what a run may choose without departing from the published one: files, rows, number of images
/// (which every score carries), batch, shard, protocols, replicates, and all of the networks that `used` does not name.
std::vector<std::string> free_keys(const PublishedConfig& config, const std::set<std::string>& used);

/// Looks at the checkpoints of `networks` and where Inception came from, so that no fault is found after hours of
/// sampling. Throws InputError as check_checkpoint().
void check_files(const PublishedConfig& config, const std::set<std::string>& networks);

/// "12 published row(s), 50000 images each in shards of 500; files in /weights", where `what` are the rows.
std::string summary_of(const PublishedConfig& config, const std::string& what);

/// Throws InputError with the nearest name where `table`, of `kind`s, has no `name`; `where` is what names it.
template <class Value>
void require_entry(const std::map<std::string, Value>& table, const std::string& kind, const std::string& name,
                   const std::string& where) {
  if (table.contains(name)) return;
  std::vector<std::string> known;
  known.reserve(table.size());
  for (const auto& [entry, value] : table) known.push_back(entry);
  throw InputError(where + ": " + unknown_name_message(kind, name, known));
}

}  // namespace assay
