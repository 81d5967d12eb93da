#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "bench/harness/stage_positions.h"
#include "reproductions/method.h"
#include "store/recorder.h"

namespace assay {

/// As the store says it.
Better better_of(Better direction);

/// Where a product lies in the cache of a store whose folder this is (Run::product).
std::filesystem::path product_file(const std::filesystem::path& folder, const std::string& kind,
                                   const nlohmann::json& identity);

/// What the runs of one method in a batch share: the store and its lock, the data set, the folders.
struct RunContext {
  Recorder* recorder = nullptr;
  std::mutex recorder_lock;
  std::filesystem::path folder;            // the store's
  std::shared_ptr<const Dataset> dataset;  // null: the configuration has none
  at::Device device = at::kCPU;
  std::string device_name;
  nlohmann::json machine;
  double checkpoint_seconds = 20.0;

  std::mutex product_locks_lock;
  std::map<std::filesystem::path, std::unique_ptr<std::mutex>> product_locks;
};

/// One run that records into the store: reproductions/method.h says what each function does.
class RecordedRun : public Run {
 public:
  RecordedRun(RunContext& context, RowId id, nlohmann::json config, std::uint64_t seed);

  const nlohmann::json& config() const override { return config_; }
  std::uint64_t seed() const override { return seed_; }
  at::Device device() const override { return context_.device; }
  const Dataset& dataset() const override;
  std::filesystem::path artifact_folder() const override { return folder_; }
  double checkpoint_seconds() const override { return context_.checkpoint_seconds; }
  nlohmann::json stage(const std::string& name, const std::function<void(StageOutput&)>& body) override;
  std::filesystem::path product(const std::string& kind, const nlohmann::json& identity,
                                const std::function<void(const std::filesystem::path&)>& produce) override;
  std::function<void(std::int64_t)> progress(const std::string& what, std::int64_t total,
                                             const std::string& unit) override;
  /// On a GPU in turn.
  void side_by_side(const std::vector<std::function<void(Run&)>>& parts) override;

 private:
  /// The run that a part of `whole` gets.
  RecordedRun(const RecordedRun& whole, StagePositions positions);
  /// Throws Error while parts of this run go side by side.
  void require_no_parts(const std::string& what) const;
  void record(StageRecorder& stage, const StageOutput& out);

  RunContext& context_;
  RowId id_;
  nlohmann::json config_;
  std::uint64_t seed_;
  std::filesystem::path folder_;
  StagePositions positions_;
  bool parts_at_work_ = false;
};

}  // namespace assay
