#include "bench/study/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/config.h"
#include "core/error.h"
#include "core/nearest.h"
#include "reproductions/guidance_imbalance/arms.h"
#include "reproductions/method_entry.h"
#include "reproductions/tiers.h"

namespace assay {
namespace {

constexpr const char* folder = "guidance_imbalance";  // of its presets
/// The shortest tail first.
const std::vector<std::string> imbalances = {"1", "10", "100", "natural"};

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Why a data set has no such imbalance; empty where it has.
std::string meaningless(const std::string& dataset, const std::string& imbalance) {
  const bool made = dataset == "shapes";
  if (made && imbalance == "natural") return "its classes are made equally often: it has no natural tail";
  if (!made && imbalance != "natural")
    return "its classes have a natural tail: most of them are too small for the counts of a made one";
  return "";
}

/// The names asked for, or `otherwise`; InputError for one that is not known.
std::vector<std::string> asked_for(const std::vector<std::string>& asked, const std::vector<std::string>& otherwise,
                                   const std::string& kind, const std::vector<std::string>& known) {
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (!contains(known, asked[i])) throw InputError(unknown_name_message(kind, asked[i], known));
    if (std::find(asked.begin(), asked.begin() + static_cast<std::ptrdiff_t>(i), asked[i]) !=
        asked.begin() + static_cast<std::ptrdiff_t>(i))
      throw InputError(fmt::format("{} {} is given twice", kind, asked[i]));
  }
  return asked.empty() ? otherwise : asked;
}

/// The configuration of a block, and its arms in the order of the study.
StudyBlock block_of(const StudyRequest& request, Tier tier, const std::string& dataset, const std::string& imbalance) {
  nlohmann::json config = method_preset(folder, tier, dataset);
  config["dataset"]["imbalance"] = imbalance == "natural" ? imbalance : "exp:" + imbalance;
  for (const std::string& setting : request.settings) set_key(config, setting);
  config.erase("study");
  if (!request.arms.empty()) config["arms"] = request.arms;
  const auto clusters = config.at("self_guided").at("clusters").get<std::vector<std::int64_t>>();
  std::vector<std::string> names;
  for (const auto& arm : guidance_imbalance::study_arms(config.at("arms").get<std::vector<std::string>>(), clusters))
    names.push_back(arm.name);
  config["arms"] = names;  // however they were asked for, equal arms are one configuration
  return {dataset, imbalance, std::move(config), std::move(names)};
}

}  // namespace

const MethodEntry& guidance_imbalance_study() {
  static const MethodEntry entry = {.id = "guidance-imbalance",
                                    .title = "what guides, against how long the tail of the training set is",
                                    .reference = "ours",
                                    .tiers = {Tier::smoke, Tier::mini, Tier::long_run}};
  return entry;
}

StudyShard parse_study_shard(const std::string& text) {
  StudyShard shard;
  const auto slash = text.find('/');
  const char* end = text.data() + text.size();
  bool good = slash != std::string::npos;
  if (good) {
    const auto first = std::from_chars(text.data(), text.data() + slash, shard.index);
    const auto second = std::from_chars(text.data() + slash + 1, end, shard.count);
    good = first.ec == std::errc() && first.ptr == text.data() + slash && second.ec == std::errc() &&
           second.ptr == end && shard.index >= 1 && shard.index <= shard.count;
  }
  if (!good)
    throw InputError(fmt::format("--shard {}: accepted: I/N with I from 1 to N, as in 1/3, 2/3 and 3/3", text));
  return shard;
}

StudyPlan plan_study(const StudyRequest& request) {
  const MethodEntry& study = guidance_imbalance_study();
  if (request.study != study.id) throw InputError(unknown_name_message("study", request.study, {study.id}));
  if (request.seeds.empty()) throw InputError("--seeds: empty; accepted: a count (5) or a list (0,3,7)");
  StudyPlan plan;
  plan.tier = study.tier(request.tier);
  plan.seeds = request.seeds;
  nlohmann::json preset = method_preset(folder, plan.tier);
  for (const std::string& setting : request.settings) set_key(preset, setting);
  const nlohmann::json& facts = preset.at("study");
  {
    ConfigReader reader(facts, "study");
    plan.below = reader.real("below", plan.below, 0.0, 2.0);
    for (const char* key : {"blocks", "default"}) reader.allow(key);
    reader.finish();
  }
  std::vector<std::string> known;
  for (const auto& [name, usual] : facts.at("blocks").items()) known.push_back(name);
  const auto datasets =
      asked_for(request.datasets, facts.at("default").get<std::vector<std::string>>(), "data set", known);
  const auto wanted = asked_for(request.imbalances, imbalances, "imbalance", imbalances);
  for (const std::string& dataset : datasets) {
    const auto usual = facts.at("blocks").at(dataset).get<std::vector<std::string>>();
    for (const std::string& imbalance : imbalances) {
      if (!contains(wanted, imbalance)) continue;
      std::string reason = meaningless(dataset, imbalance);
      if (reason.empty() && request.imbalances.empty() && !contains(usual, imbalance))
        reason = fmt::format("not among those of tier {}; --imbalance {} adds it", request.tier, imbalance);
      if (reason.empty())
        plan.blocks.push_back(block_of(request, plan.tier, dataset, imbalance));
      else
        plan.left_out.push_back({dataset, imbalance, "", std::move(reason)});
    }
  }
  if (plan.blocks.empty())
    throw InputError(fmt::format("{} at imbalance {}: {}", plan.left_out.front().dataset,
                                 plan.left_out.front().imbalance, plan.left_out.front().reason));
  return plan;
}

std::vector<StudyUnit> study_units(const StudyPlan& plan, const StudyShard& shard) {
  std::vector<StudyUnit> units;
  std::int64_t number = 0;
  for (std::size_t block = 0; block < plan.blocks.size(); ++block)
    for (const std::int64_t seed : plan.seeds)
      if (number++ % shard.count == shard.index - 1) units.push_back({block, seed});
  return units;
}

std::vector<StudyCell> study_cells(const StudyPlan& plan, const StudyShard& shard) {
  std::vector<StudyCell> cells;
  for (const StudyUnit& unit : study_units(plan, shard))
    for (const std::string& arm : plan.blocks[unit.block].arms)
      cells.push_back({plan.blocks[unit.block].dataset, plan.blocks[unit.block].imbalance, arm, unit.seed});
  return cells;
}

nlohmann::json probe_config(const StudyPlan& plan, std::size_t block) {
  nlohmann::json config = plan.blocks[block].config;
  config["arms"] = {guidance_imbalance::none_arm};
  return config;
}

std::vector<std::size_t> longest_tails(const StudyPlan& plan) {
  std::vector<std::size_t> longest;
  for (std::size_t block = 0; block < plan.blocks.size(); ++block)
    if (block + 1 == plan.blocks.size() || plan.blocks[block + 1].dataset != plan.blocks[block].dataset)
      longest.push_back(block);
  return longest;
}

}  // namespace assay
