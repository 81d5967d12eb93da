#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/hash.h"
#include "reproductions/method.h"
#include "tests/support/temporary_folder.h"

namespace assay::test {

/// A run without a store: what its stages found stays in memory, its files in a folder of its own.
class MemoryRun : public Run {
 public:
  explicit MemoryRun(nlohmann::json config, std::uint64_t seed = 0)
      : config_(std::move(config)),
        seed_(seed),
        dataset_(open_dataset(read_dataset_spec(config_.at("dataset"), "dataset"))) {}

  const nlohmann::json& config() const override { return config_; }
  std::uint64_t seed() const override { return seed_; }
  at::Device device() const override { return at::kCPU; }
  const Dataset& dataset() const override { return *dataset_; }
  std::filesystem::path artifact_folder() const override { return folder_.path(); }
  double checkpoint_seconds() const override { return 1e9; }

  nlohmann::json stage(const std::string& name, const std::function<void(StageOutput&)>& body) override {
    const auto [place, fresh] = stages.try_emplace(name);
    if (fresh) body(place->second);
    return place->second.result;
  }
  std::filesystem::path product(const std::string& kind, const nlohmann::json& identity,
                                const std::function<void(const std::filesystem::path&)>& produce) override {
    auto file = folder_ / fmt::format("{}-{}.safetensors", kind, hash_text(identity.dump()));
    if (!std::filesystem::exists(file)) produce(file);
    return file;
  }
  std::function<void(std::int64_t)> progress(const std::string& /*what*/, std::int64_t /*total*/,
                                             const std::string& /*unit*/) override {
    return [](std::int64_t) {};
  }
  void side_by_side(const std::vector<std::function<void(Run&)>>& parts) override {
    for (const auto& part : parts) part(*this);
  }

  /// The only score of a stage with this arm and name whose params hold `params`. Throws std::out_of_range.
  const Score& score(const std::string& stage, const std::string& arm, const std::string& name,
                     const nlohmann::json& params = nlohmann::json::object()) const {
    const Score* found = nullptr;
    for (const Score& score : stages.at(stage).scores) {
      if (score.arm != arm || score.name != name) continue;
      nlohmann::json merged = score.params;
      merged.update(params);
      if (merged != score.params) continue;
      if (found) throw std::out_of_range(fmt::format("several {} of {} in {}", name, arm, stage));
      found = &score;
    }
    if (!found) throw std::out_of_range(fmt::format("no {} of {} {} in {}", name, arm, params.dump(), stage));
    return *found;
  }

  std::map<std::string, StageOutput> stages;

 private:
  TemporaryFolder folder_;
  nlohmann::json config_;
  std::uint64_t seed_;
  std::unique_ptr<Dataset> dataset_;
};

}  // namespace assay::test
