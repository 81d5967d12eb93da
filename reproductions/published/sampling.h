#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "metrics/features/image_features.h"
#include "metrics/generative/generative_protocols.h"
#include "reproductions/method.h"
#include "reproductions/published/config.h"

/// Draws the images of a published row shard by shard and scores them under the published protocols.
namespace assay {

/// Images of one shard.
struct DrawnImages {
  at::Tensor bytes;                                 // [n, 3, H, W] uint8 on the CPU
  std::vector<std::int64_t> labels;                 // [n], or empty
  nlohmann::json facts = nlohmann::json::object();  // of the drawing, kept with the shard
};

/// A row of a published table as it is run.
struct PublishedTask {
  std::string name;  // as printed; names the stages
  std::string arm;   // of its scores
  nlohmann::json params = nlohmann::json::object();
  std::filesystem::path reference;  // batch of images, with statistics or without, or a feature file (.npz, ...)
  std::int64_t images = 0;
  std::int64_t shard = 0;               // images that a kill can cost
  std::vector<std::string> departures;  // settings that are not the published ones, noted
  std::string timing;                   // shape and precision, for the record
  double flops = 0;                     // of an image
  /// Samples [first, first + count); called once a shard, `progress` with what is done of it.
  std::function<DrawnImages(std::int64_t first, std::int64_t count, const std::function<void(std::int64_t)>& progress)>
      draw;
  /// Records what the shards' facts add up to; may be empty.
  std::function<void(const std::vector<nlohmann::json>& facts, StageOutput& out)> sum_up;
};

/// What plan and run say of a row, whose `reference` is one of the run's. Where a setting is not the published one, the
/// arm says "(altered)".
PublishedTask task_of(const PlannedRow& planned, const PublishedConfig& config, const std::string& arm,
                      const std::string& reference);

/// The Inception network of FID, what it saw of references, and the protocols of a run.
class PublishedScores {
 public:
  PublishedScores(Run& run, const PublishedConfig& published);

  /// Samples in shards, each a stage "sample:ROW:FIRST" that leaves samples-ROW-FIRST.safetensors (`images` [n, 3, H,
  /// W] U8, `labels`) and features-PASS-ROW-FIRST.safetensors; then scores them in the stage "score:ROW".
  void sample_and_score(const PublishedTask& row);

 private:
  const std::string& hash_of_reference(const std::filesystem::path& reference);
  ImagePass run_pass(const ImageSource& images, const ImageProtocol& protocol,
                     const std::function<void(std::int64_t)>& progress);
  std::filesystem::path reference_features(const ImageProtocol& protocol, const std::filesystem::path& reference);
  FeatureSet reference_under(const GenerativeProtocol& protocol, const std::filesystem::path& reference);
  FeatureSet generated_under(const GenerativeProtocol& protocol, const PublishedTask& row) const;
  std::filesystem::path shard_file(const std::string& kind, const PublishedTask& row, std::int64_t first) const;
  std::filesystem::path features_file(const ImageProtocol& protocol, const PublishedTask& row,
                                      std::int64_t first) const;
  nlohmann::json draw_shard(const PublishedTask& row, std::int64_t first, std::int64_t count);
  void score(const PublishedTask& row, StageOutput& out);

  Run& run_;
  FeatureNetworks networks_;
  std::vector<std::string> protocols_;
  std::int64_t bootstrap_;
  std::vector<ImageProtocol> passes_;  // one protocol of each pass
  std::map<std::filesystem::path, std::string> reference_hashes_;
};

}  // namespace assay
