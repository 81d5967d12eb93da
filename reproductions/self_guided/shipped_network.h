#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/safetensors_header.h"
#include "datasets/dataset.h"
#include "reproductions/pretrained_files.h"
#include "reproductions/self_guided/config.h"

namespace assay::self_guided {

/// A denoiser of part `guidance` that a run of this method trained before (networks: shared), in the place of a
/// training: the moving average of its weights in half precision, the clusters that it knows of every image, and how it
/// was made. tools/ship_network.py writes the file.
class ShippedNetwork {
 public:
  /// The bytes of `file` must outlive this. Throws InputError, naming the network, where the file is damaged or is none
  /// of this method.
  explicit ShippedNetwork(const PretrainedFile& file);

  const std::string& name() const { return name_; }
  /// Content id of the file.
  const std::string& hash() const { return hash_; }
  /// Everything the weights depend on, as the training wrote it.
  const nlohmann::json& identity() const { return identity_; }
  /// Of the training; the random ids that the network knows follow from it.
  std::uint64_t seed() const;
  /// The complete configuration of the training.
  const nlohmann::json& config() const { return config_; }

  /// Throws InputError where a configuration differs in a setting that decides the network, with both values.
  void require_settings(const Config& config) const;
  /// Why the network does not fit a data set: one line; empty where it learned this very set.
  std::string misfit(const Dataset& dataset) const;

  /// The cluster of every image of a split in an arm, in the order of the data set. Throws InputError where the file
  /// has no such arm.
  std::vector<std::int64_t> ids(const std::string& arm, Split split) const;
  /// Writes a checkpoint as train() leaves it, with the moving average alone, in float32.
  void write_checkpoint(const std::filesystem::path& file) const;

  /// How the network was made, and what that means for the scores: a line for people.
  std::string in_words() const;
  /// The same as data.
  nlohmann::json description() const;

 private:
  /// The bytes of a tensor. Throws InputError where the file has none of this name.
  std::string_view tensor(const std::string& key) const;
  /// A value that says how the network was made. Throws InputError where the file lacks it.
  const std::string& fact(const std::string& key) const;

  std::string name_, place_, hash_;
  std::string_view bytes_;
  SafetensorsHeader header_;
  nlohmann::json identity_, config_;
};

/// The one that `config` names, whose settings are those of the configuration; null where it names none. The bytes of
/// `files` must outlive it. Throws InputError for a name that is not among `files`, with the nearest, and as
/// ShippedNetwork does.
std::shared_ptr<const ShippedNetwork> shipped_network(const Config& config, const std::vector<PretrainedFile>& files);

}  // namespace assay::self_guided
