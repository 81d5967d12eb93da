#pragma once
#include <string>
#include <vector>

#include "reproductions/method.h"

namespace assay::guidance_imbalance {

/// A run that looks at another data set: what is trained by it is named by that set, and shared by every run that looks
/// at it. Everything else is the run's own. Both must outlive it.
class RunOnDataset final : public Run {
 public:
  RunOnDataset(Run& run, const Dataset& dataset) : run_(run), dataset_(dataset) {}

  const nlohmann::json& config() const override { return run_.config(); }
  std::uint64_t seed() const override { return run_.seed(); }
  at::Device device() const override { return run_.device(); }
  const Dataset& dataset() const override { return dataset_; }
  std::filesystem::path artifact_folder() const override { return run_.artifact_folder(); }
  double checkpoint_seconds() const override { return run_.checkpoint_seconds(); }
  nlohmann::json stage(const std::string& name, const std::function<void(StageOutput&)>& body) override {
    return run_.stage(name, body);
  }
  std::filesystem::path product(const std::string& kind, const nlohmann::json& identity,
                                const std::function<void(const std::filesystem::path&)>& produce) override {
    return run_.product(kind, identity, produce);
  }
  std::function<void(std::int64_t)> progress(const std::string& what, std::int64_t total,
                                             const std::string& unit) override {
    return run_.progress(what, total, unit);
  }
  void side_by_side(const std::vector<std::function<void(Run&)>>& parts) override { run_.side_by_side(parts); }

 private:
  Run& run_;
  const Dataset& dataset_;
};

}  // namespace assay::guidance_imbalance
