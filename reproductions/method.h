#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/score_interval.h"
#include "datasets/dataset.h"
#include "metrics/protocols/protocols.h"
#include "reproductions/contrast.h"
#include "reproductions/plan.h"

namespace assay {

/// A named value with its unit, its protocol and the number of samples behind it.
struct Score {
  std::string arm = {};  // empty for the run as a whole
  std::string name = {};
  double value = 0;
  std::string unit = {};
  Better direction = Better::unstated;
  std::int64_t n = 0;
  std::optional<ScoreInterval> interval = {};
  std::string protocol = {};                         // name of a ProtocolUse of the same stage output
  nlohmann::json params = nlohmann::json::object();  // guidance: {"w": 2, "w_cfg": 1}
};

/// How long something took in this process.
struct Timing {
  std::string op = {};       // "train_step", "sample"
  std::string variant = {};  // the arm or network
  std::string shape = {};    // as in "64x3x16x16"
  double seconds = 0;
  std::int64_t items = 0;
  std::string item_unit = {};  // plural
  std::optional<double> flops = {};
};

/// A file that belongs to the run, inside artifact_folder() or the cache.
struct Artifact {
  std::string name = {};
  std::string kind = {};  // "image-grid", "samples", "checkpoint", ...
  std::filesystem::path file = {};
  nlohmann::json meta = nlohmann::json::object();
};

/// Values along a training or a sampling, such as its loss: at most some hundred points.
struct Curve {
  std::string name = {};
  std::vector<std::int64_t> steps = {};  // done at each value, ascending
  std::vector<double> values = {};       // as many as steps
};

/// What one stage of a run found; written to the store as a whole when the stage ends.
struct StageOutput {
  std::vector<ProtocolUse> protocols = {};
  std::vector<Score> scores = {};
  std::vector<Timing> timings = {};
  std::vector<Artifact> artifacts = {};
  std::vector<Curve> curves = {};
  std::vector<std::string> notes = {};
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
  /// Each part gets a run of its own, which is this one at the part's place in the program, so that the recorded order
  /// of stages does not depend on which part is faster: a part calls stage() and side_by_side() of that run alone.
  /// Throws Error where this run itself is used for them before the parts have ended.
  virtual void side_by_side(const std::vector<std::function<void(Run&)>>& parts) = 0;
};

/// A method with one configuration. Making it is the check: who makes one from a configuration that is not complete or
/// out of range gets an InputError. It never changes, so that the runs of all seeds use the same object side by side.
class Method {
 public:
  virtual ~Method() = default;

  /// What the tier needs that this machine lacks, and how to get it; one line each. Empty lets the run begin.
  virtual std::vector<std::string> needs() const = 0;
  /// The lines that --dry-run prints: parameters, steps, operations.
  virtual std::vector<std::string> describe() const = 0;
  /// The contrasts besides those that claims need.
  virtual MethodPlan plan() const { return {}; }
  /// The published runs that the configuration repeats, for --dry-run; times the device for some seconds. Absent where
  /// the tier trains networks of its own.
  virtual std::optional<PublishedPlan> published_plan(at::Device /*device*/) const { return std::nullopt; }
  /// What all seeds share, each made into the cache by one call; they may run side by side.
  virtual std::vector<std::function<void(Run&)>> shared_products() const { return {}; }
  /// One seed.
  virtual void run(Run& run) const = 0;
};

}  // namespace assay
