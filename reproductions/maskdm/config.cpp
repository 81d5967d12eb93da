#include "reproductions/maskdm/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/config.h"
#include "core/error.h"

namespace assay::maskdm {
namespace {

/// Whether a list is there and empty, which ConfigReader refuses: its part of the study is then left out.
bool left_out(ConfigReader& reader, const nlohmann::json& object, const std::string& key) {
  if (!object.contains(key) || object.at(key) != nlohmann::json::array()) return false;
  reader.allow(key);
  return true;
}

PhaseOptions read_phase_keys(ConfigReader& reader, const std::string& where, std::int64_t grid) {
  PhaseOptions s;
  s.mask = read_mask_options(reader.object("mask"), where + ".mask", grid);
  s.batch = reader.integer("batch", s.batch, 1, 1 << 16);
  s.learning_rate = reader.real("learning_rate", s.learning_rate, 1e-9, 1.0);
  s.warmup_steps = reader.integer("warmup_steps", s.warmup_steps, 0);
  s.clip = reader.real("clip", s.clip, 0.0, 1e6);
  s.flip = reader.real("flip", s.flip, 0.0, 1.0);
  return s;
}

Chain read_chain(const std::string& name, const nlohmann::json& object, std::int64_t grid) {
  const std::string where = "chains." + name;
  ConfigReader reader(object, where);
  Chain chain;
  chain.name = name;
  chain.curve = reader.boolean("curve", false);
  reader.allow("stages");
  reader.finish();
  if (!object.contains("stages") || !object.at("stages").is_array() || object.at("stages").empty())
    throw InputError(fmt::format("{}.stages: accepted: a list of at least one stage", where));
  for (std::size_t i = 0; i < object.at("stages").size(); ++i) {
    const std::string at = fmt::format("{}.stages[{}]", where, i);
    ConfigReader phase(object.at("stages")[i], at);
    chain.shares.push_back(phase.real("share", 1.0, 1e-6, 1.0));
    chain.phases.push_back(read_phase_keys(phase, at, grid));
    phase.finish();
  }
  if (chain.share() > 1 + 1e-9)
    throw InputError(
        fmt::format("{}: the shares of its stages add up to {}; accepted: at most 1", where, chain.share()));
  return chain;
}

Budget read_budget(const nlohmann::json& object) {
  ConfigReader reader(object, "budget");
  Budget b;
  b.gflop = reader.real("gflop", b.gflop, 1e-3, 1e15);
  b.points = reader.integer("points", b.points, 1, 1000);
  reader.finish();
  return b;
}

TransferConfig read_transfer(const nlohmann::json& object, std::int64_t grid) {
  ConfigReader reader(object, "transfer");
  TransferConfig t;
  if (!left_out(reader, object, "shares")) t.shares = reader.reals("shares", {0.1, 0.01}, 1e-9, 1.0);
  t.pretrain = read_phase_options(reader.object("pretrain"), "transfer.pretrain", grid);
  t.finetune = read_phase_options(reader.object("finetune"), "transfer.finetune", grid);
  t.pretrain_share = reader.real("pretrain_share", t.pretrain_share, 1e-6, 1.0);
  t.finetune_share = reader.real("finetune_share", t.finetune_share, 1e-6, 1.0);
  reader.finish();
  return t;
}

StabilityConfig read_stability(const nlohmann::json& object, std::int64_t grid) {
  ConfigReader reader(object, "stability");
  StabilityConfig s;
  if (!left_out(reader, object, "batches")) s.batches = reader.integers("batches", {32, 128, 512}, 1, 1 << 16);
  if (!std::is_sorted(s.batches.begin(), s.batches.end()))
    throw InputError("stability.batches: accepted: numbers in ascending order");
  s.phase = read_phase_options(reader.object("stage"), "stability.stage", grid);
  s.phase.steps = reader.integer("steps", 40, 4);
  reader.finish();
  return s;
}

CostConfig read_cost(const nlohmann::json& object, std::int64_t grid) {
  ConfigReader reader(object, "cost");
  CostConfig c;
  if (!left_out(reader, object, "rates")) c.rates = reader.reals("rates", {0, 0.5, 0.75, 0.9}, 0.0, 1.0);
  c.mask = read_mask_options(reader.object("mask"), "cost.mask", grid);
  c.batch = reader.integer("batch", c.batch, 1, 1 << 16);
  c.steps = reader.integer("steps", c.steps, 1, 10000);
  reader.finish();
  if (!c.rates.empty() && c.rates.front() != 0)
    throw InputError("cost.rates: accepted: 0 first, the step that the others are compared with");
  for (const double rate : c.rates) {
    nlohmann::json mask = to_json(c.mask);
    mask["rate"] = rate;
    read_mask_options(mask, "cost.mask", grid);
  }
  return c;
}

SampleConfig read_sample(const nlohmann::json& object, std::int64_t schedule_steps) {
  ConfigReader reader(object, "sample");
  SampleConfig s;
  s.count = reader.integer("count", s.count, 2);
  s.batch = reader.integer("batch", s.batch, 1, 1 << 16);
  s.steps = reader.integer("steps", s.steps, 1, schedule_steps);
  s.eta = reader.real("eta", s.eta, 0.0, 1.0);
  reader.finish();
  return s;
}

}  // namespace

double Chain::share() const { return std::accumulate(shares.begin(), shares.end(), 0.0); }

PhaseOptions read_phase_options(const nlohmann::json& object, const std::string& where, std::int64_t grid) {
  ConfigReader reader(object, where);
  const PhaseOptions phase = read_phase_keys(reader, where, grid);
  reader.finish();
  return phase;
}

std::int64_t affordable_steps(const Budget& budget, double share, double step_flops) {
  return std::max<std::int64_t>(1, std::llround(share * budget.gflop * 1e9 / step_flops));
}

Config read_config(const nlohmann::json& object) {
  ConfigReader reader(object, "");
  Config c;
  c.dataset = read_dataset_spec(reader.object("dataset"), "dataset");
  c.fd_small = read_small_features_options(reader.object("fd_small"), "fd_small");
  c.schedule = read_schedule(reader, "cosine", 2, {"linear", "cosine"});
  c.network = read_mask_uvit_config(reader.object("network"), "network");
  if (c.network.image_side() != c.dataset.size)
    throw InputError(fmt::format("network.img_size is {}, dataset.size is {}; they must be equal{}", c.network.img_size,
                                 c.dataset.size,
                                 c.network.data_chans > 0 ? ", with wavelets the first half the second" : ""));
  if (c.network.image_chans() != 3)
    throw InputError("network.in_chans must be 3: RGB images; with wavelets 12, and data_chans 3");
  if (c.network.num_classes > 0)
    throw InputError("network.num_classes: the published trainings have no classes; accepted: -1");
  const std::int64_t grid = c.network.grid();
  c.optimizer = read_optimizer_options(reader.object("optimizer"), "optimizer");
  c.budget = read_budget(reader.object("budget"));
  for (const auto& [name, chain] : reader.object("chains").items()) c.chains.push_back(read_chain(name, chain, grid));
  c.transfer = read_transfer(reader.object("transfer"), grid);
  c.stability = read_stability(reader.object("stability"), grid);
  c.cost = read_cost(reader.object("cost"), grid);
  c.sample = read_sample(reader.object("sample"), c.schedule.steps);
  c.bootstrap = reader.integer("bootstrap", c.bootstrap, 20, 1000000);
  reader.finish();
  return c;
}

}  // namespace assay::maskdm
