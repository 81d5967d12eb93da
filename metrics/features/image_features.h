#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "images/image_source.h"
#include "metrics/feature_sets/feature_set.h"
#include "metrics/features/feature_network.h"

namespace assay {

/// How images become features, apart from the protocol.
struct ImageFeatureOptions {
  std::vector<std::filesystem::path> weights;  // one file for each network that a protocol needs, in any order
  std::filesystem::path cache;                 // folder that keeps what a pass gave; empty: none
  std::int64_t batch = 16;                     // images at once; no value depends on it
  bool skip_damaged = false;                   // leave out images that cannot be read, where a command asks for it
};

/// The networks of a command, each loaded when it is first needed.
class FeatureNetworks {
 public:
  explicit FeatureNetworks(ImageFeatureOptions options) : options_(std::move(options)) {}

  const ImageFeatureOptions& options() const { return options_; }
  /// Throws InputError saying how to get the weights when no file holds this network's.
  const FeatureNetwork& network(FeatureNetworkId id);
  /// Throws as network(), and loads nothing.
  void require(FeatureNetworkId id) { file_of(id); }
  /// Content hash of its weight file. Throws as network().
  std::string weights_hash(FeatureNetworkId id);

 private:
  const std::filesystem::path& file_of(FeatureNetworkId id);

  ImageFeatureOptions options_;
  std::map<FeatureNetworkId, std::filesystem::path> files_;
  std::map<FeatureNetworkId, std::string> hashes_;
  std::map<FeatureNetworkId, std::unique_ptr<FeatureNetwork>> networks_;
};

/// Everything one pass over a set of images gave.
struct ImagePass {
  std::int64_t count = 0;
  NetworkFeatures outputs;
  double images_per_second = 0;  // 0: read from the cache
};

/// The images of one path as feature sets; a pass of the network serves every protocol that shares it.
class ImageFeatures {
 public:
  /// Throws InputError as open_images.
  ImageFeatures(const std::filesystem::path& path, FeatureNetworks& networks);

  /// Features, logits (without the bias) and labels under a protocol. The set's hash is that of its numbers. A
  /// protocol that is no image protocol throws InputError.
  FeatureSet of(const ImageProtocol& protocol);
  const ImagePass& pass(const ImageProtocol& protocol);

  const ImageSource& source() const { return *source_; }
  /// Leaves out what cannot be read, if the options say so, and returns the indices it had; comes before any pass.
  /// Throws InputError where no image is left.
  std::vector<std::int64_t> leave_out_damaged();
  /// Leaves out the images at these indices, ascending; `note` says which and why.
  void leave_out(std::span<const std::int64_t> images, const std::string& note);
  /// Content hash of the images.
  const std::string& hash();

 private:
  ImagePass run(const ImageProtocol& protocol);

  std::filesystem::path path_;
  FeatureNetworks& networks_;
  std::unique_ptr<ImageSource> source_;
  std::string hash_;
  std::vector<std::pair<ImageProtocol, std::shared_ptr<const ImagePass>>> passes_;
};

}  // namespace assay
