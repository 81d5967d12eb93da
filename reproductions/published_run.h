#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "reproductions/published_plan.h"

namespace assay {

class ConfigReader;

/// What the configurations of all published runs have in common.
struct PublishedRun {
  std::filesystem::path folder;        // in which files are looked for
  NeededFile inception;                // FID's network, converted
  std::vector<std::string> rows;       // the selected ones, in the order they are run
  std::vector<std::string> protocols;  // of the scores
  std::int64_t images = 50000;         // a row
  std::int64_t shard = 500;            // images that a kill can cost
  std::int64_t bootstrap = 200;        // replicates behind an interval
  std::vector<std::string> unknown;    // what the paper and its code leave open
};

/// Reads the keys files, row, rows, protocols, bootstrap and unknown; `row` names one row, else `rows` lists them; the
/// rows are the keys of `published`. Throws InputError, for an unknown row with the nearest one.
PublishedRun read_published_run(ConfigReader& reader);

/// Reads a reference: {"file", "official", "from"}, relative to `folder`.
NeededFile read_reference(const nlohmann::json& object, const std::string& where, const std::filesystem::path& folder);

/// JSON pointers to what a run may choose without departing from the published one: files, rows, number of images
/// (which every score carries), batch, shard, protocols, replicates.
std::vector<std::string> free_keys();

}  // namespace assay
