#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "diffusion/networks/network_cost.h"

/// What a published run needs and costs, before any of it is there: what `--dry-run` says and `needs` asks for.
namespace assay {

/// A file that a published run reads and that does not come with this program.
struct NeededFile {
  std::string what;            // "diffusion network `cond`"
  std::filesystem::path path;  // where it is looked for
  std::string official;        // its published name, "256x256_diffusion.pt"; empty where none is published
  std::string source;          // who publishes it, or how it is made where nobody does
  std::string sha256;          // of the official file, or how that begins; empty: unknown
  bool converted = false;      // from the official file by tools/convert_weights.py
  bool folder = false;

  bool present() const;
  /// The whole path of where it is looked for.
  std::string place() const;
  /// One line: what is missing, where it was looked for, how to get it.
  std::string how_to_get() const;
};

nlohmann::json to_json(const NeededFile& file);
/// The lines of those that are not there, each path once.
std::vector<std::string> missing_lines(const std::vector<NeededFile>& files);
/// Throws InputError where a converted file says that it was made from another official file than `sha256` names.
void check_source(const NeededFile& file);

/// A network of a published run and what one image costs it.
struct PlannedNetwork {
  std::string role;           // "diffusion", "classifier"
  std::string configuration;  // of adm_configurations
  nlohmann::json flags;       // official names
  NetworkCost cost;
};

/// A row of a published table as it would be run.
struct PlannedRow {
  std::string name;  // as printed
  nlohmann::json settings;
  std::vector<NeededFile> files;
  std::vector<PlannedNetwork> networks;
  bool half = false;  // whether its steps are taken in float16
  std::int64_t images = 0;
  double flops = 0;                     // of an image, all steps
  double training_flops = 0;            // before it can be sampled; 0 where nothing is trained
  std::int64_t memory_bytes = 0;        // most held on the device: weights and one batch
  std::int64_t loading_bytes = 0;       // most held by the host while a checkpoint is read
  std::vector<std::string> departures;  // settings that are not the published ones
  std::vector<std::string> unknown;     // what the paper and its code leave open
};

/// How fast this machine takes such steps.
struct StepSpeed {
  double flops_per_second = 0;
  std::string device;
  std::string how;  // what was timed
};

struct PublishedPlan {
  std::vector<PlannedRow> rows;
  StepSpeed speed;

  /// The files of all rows, each once, by their places.
  std::vector<NeededFile> files() const;
  /// How long a row takes at this speed, its training included.
  double hours(const PlannedRow& row) const;
};

/// {"speed", "files", "rows"}; an absent hash is null.
nlohmann::json to_json(const PublishedPlan& plan);

/// JSON pointers at which a configuration differs from the published one, those under `free` and the rows of
/// `published` that are not `row` left out.
std::vector<std::string> departures(const nlohmann::json& published, const nlohmann::json& config,
                                    const std::string& row, const std::vector<std::string>& free);

}  // namespace assay
