#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/score_interval.h"
#include "datasets/dataset.h"
#include "metrics/protocols/protocols.h"
#include "reproductions/plan.h"

namespace assay {

/// A named value with its unit, its protocol and the number of samples behind it.
struct Score {
  std::string arm;  // empty for the run as a whole
  std::string name;
  double value = 0;
  std::string unit;
  Better direction = Better::unstated;
  std::int64_t n = 0;
  std::optional<ScoreInterval> interval;
  std::string protocol;                              // name of a ProtocolUse of the same stage output
  nlohmann::json params = nlohmann::json::object();  // guidance: {"w": 2, "w_cfg": 1}
};

/// How long something took in this process.
struct Timing {
  std::string op;       // "train_step", "sample"
  std::string variant;  // the arm or network
  std::string shape;    // as in "64x3x16x16"
  double seconds = 0;
  std::int64_t items = 0;
  std::string item_unit;  // plural
  std::optional<double> flops;
};

/// A file that belongs to the run, inside artifact_folder() or the cache.
struct Artifact {
  std::string name;
  std::string kind;  // "image-grid", "samples", "checkpoint", ...
  std::filesystem::path file;
  nlohmann::json meta = nlohmann::json::object();
};

/// What one stage of a run found; written to the store as a whole when the stage ends.
struct StageOutput {
  std::vector<ProtocolUse> protocols;
  std::vector<Score> scores;
  std::vector<Timing> timings;
  std::vector<Artifact> artifacts;
  std::vector<std::string> notes;
  nlohmann::json result = nlohmann::json::object();  // what later stages of the same run need
};

/// What the harness gives a method: one seed of one configuration. Implemented by bench/harness.
class Run {
 public:
  virtual ~Run() = default;

  virtual const nlohmann::json& config() const = 0;  // complete: preset with every --set applied
  virtual std::uint64_t seed() const = 0;
  virtual at::Device device() const = 0;
  /// Throws Error where the configuration has no `dataset`.
  virtual const Dataset& dataset() const = 0;
  virtual std::filesystem::path artifact_folder() const = 0;
  virtual double checkpoint_seconds() const = 0;

  /// Runs `body` and records what it found, or skips it when a resumed run has it recorded already.
  /// Returns StageOutput::result either way.
  virtual nlohmann::json stage(const std::string& name, const std::function<void(StageOutput&)>& body) = 0;

  /// The file in the cache that `identity` (everything its content depends on) names; `produce` makes it when absent.
  /// Two runs that need the same product wait for each other.
  virtual std::filesystem::path product(const std::string& kind, const nlohmann::json& identity,
                                        const std::function<void(const std::filesystem::path&)>& produce) = 0;

  /// A progress line: call it with what is done so far. Throws Interrupted when the user asked to stop.
  virtual std::function<void(std::int64_t)> progress(const std::string& what, std::int64_t total,
                                                     const std::string& unit) = 0;

  /// Runs parts that do not need one another: side by side as far as this run has threads, which they share evenly,
  /// else in turn. The first exception stops parts that have not begun and is passed on when the others have ended.
  virtual void side_by_side(const std::vector<std::function<void()>>& parts) = 0;
};

/// A difference of two arms that is reported with a paired interval over seeds.
struct Contrast {
  std::string metric;
  std::string protocol;
  std::string arm_a, arm_b;
  nlohmann::json params_a = nlohmann::json::object();  // which of the arm's scores
  nlohmann::json params_b = nlohmann::json::object();
};

/// What a configuration will compare, besides the differences that its claims are about
/// (reproductions/claims/claims.h).
struct MethodPlan {
  std::vector<Contrast> contrasts;
};

/// What a method does with a configuration.
struct MethodWork {
  /// Checks a complete configuration: ranges and unknown keys. Throws InputError.
  void (*check)(const nlohmann::json& config);
  /// What the tier needs that this machine may lack, and how to get it; one line each.
  std::vector<std::string> (*needs)(const nlohmann::json& config);
  /// Null where nothing is compared but what claims are about.
  MethodPlan (*plan)(const nlohmann::json& config);
  /// What all seeds share, each made into the cache by one call; they may run side by side.
  std::vector<void (*)(Run&)> shared_products;
  void (*run)(Run& run);
  /// The lines that --dry-run prints about a configuration: parameters, steps, operations.
  std::vector<std::string> (*describe)(const nlohmann::json& config);
  /// The published runs that a configuration repeats, for --dry-run; times the device for some seconds. Null where the
  /// tier trains networks of its own.
  PublishedPlan (*published)(const nlohmann::json& config, at::Device device) = nullptr;
};

/// One row of the table of methods.
struct MethodEntry {
  std::string id;
  std::string title;
  std::string reference;
  std::vector<std::string> tiers;
  std::string default_dataset;
  nlohmann::json (*preset_on)(const std::string& tier, const std::string& dataset);
  MethodWork work;   // of the tiers that train networks of their own
  MethodWork paper;  // of the tier `paper`, which repeats published runs; without functions where there is none
  /// The texts of claims.json (reproductions/claims/claims.h) and paper_table.json
  /// (reproductions/claims/paper_tables.h).
  const char* claims = "[]";
  const char* paper_table = "{}";

  /// As tier_preset() of this method.
  nlohmann::json preset(const std::string& tier, const std::string& dataset = "") const {
    return preset_on(tier, dataset);
  }
  const MethodWork& work_of(const std::string& tier) const { return tier == "paper" ? paper : work; }
};

const std::vector<MethodEntry>& method_table();
/// Throws InputError with the known names.
const MethodEntry& method_entry(const std::string& id);

}  // namespace assay
