#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/tier.h"

namespace assay {

struct MethodEntry;

/// The one designed comparison there is. Its runs have this id as their method.
const MethodEntry& guidance_imbalance_study();

/// A share of a study for one of several machines: the `index`-th of `count`, from 1.
struct StudyShard {
  std::int64_t index = 1, count = 1;
};
/// "2/3". Throws InputError for anything else, and for an index outside 1 ... count.
StudyShard parse_study_shard(const std::string& text);

/// What `assay study` was asked for.
struct StudyRequest {
  std::string study = "guidance-imbalance";
  std::string tier = "smoke";
  std::vector<std::string> datasets, arms, imbalances;  // empty: the tier's
  std::vector<std::int64_t> seeds;
  std::vector<std::string> settings;  // "self_guided.train.steps=500"
  StudyShard shard;
  std::string device = "auto";
  std::filesystem::path store;
  int threads = 0;  // as RunRequest's
  double checkpoint_seconds = 20;
  std::string command;
};

/// One data set at one imbalance, with every arm. Its run with one seed is a unit: the arms of a unit share networks.
struct StudyBlock {
  std::string dataset, imbalance;
  nlohmann::json config;  // of reproductions/guidance_imbalance
  std::vector<std::string> arms;
};

struct StudyUnit {
  std::size_t block = 0;
  std::int64_t seed = 0;
};

struct StudyCell {
  std::string dataset, imbalance, arm;
  std::int64_t seed = 0;

  bool operator==(const StudyCell&) const = default;
};

/// What a study does not have, and why.
struct StudyOmission {
  std::string dataset, imbalance, arm;  // an empty arm: every one
  std::string reason;
};

/// All that a study will do, listed before any of it is done.
struct StudyPlan {
  Tier tier = Tier::smoke;
  std::vector<StudyBlock> blocks;  // by data set, then by imbalance, the longest tail last
  std::vector<std::int64_t> seeds;
  std::vector<StudyOmission> left_out;
  double below = 0.8;  // the recall of the rare classes, unguided, for the question to be asked
};

/// Throws InputError for an unknown study, tier, data set, arm, imbalance or setting, no seed, and where no block is
/// left. Whether the machine has the data sets is not looked at.
StudyPlan plan_study(const StudyRequest& request);

/// The units of a shard, in the order of blocks and seeds: unit u of the whole study belongs to shard 1 + u mod count.
/// So shards share nothing, and all of them together are the study.
std::vector<StudyUnit> study_units(const StudyPlan& plan, const StudyShard& shard = {});
/// The cells of those units.
std::vector<StudyCell> study_cells(const StudyPlan& plan, const StudyShard& shard = {});

/// The unit that shows, before the others are run, whether the tail loses something: `none` alone, under the longest
/// tail of the data set of block `block`, with the first seed. Every shard runs it for itself.
nlohmann::json probe_config(const StudyPlan& plan, std::size_t block);

/// The blocks of a data set with the longest tail, one for each data set.
std::vector<std::size_t> longest_tails(const StudyPlan& plan);

}  // namespace assay
