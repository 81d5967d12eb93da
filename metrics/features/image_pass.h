#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "images/image_source.h"
#include "metrics/feature_sets/feature_set.h"
#include "metrics/features/feature_network.h"

/// One pass of a feature network over images: the only way in which images become features, for `assay metric` and for
/// tier `paper`. A pass serves every protocol that shares it (ImageProtocol::same_pass).
namespace assay {

/// What a network gave for images, row after row; what the network does not have is empty.
struct ImagePass {
  std::int64_t count = 0;
  std::span<const float> features;      // [count, width]
  std::span<const float> spatial;       // [count, 2023], Inception alone
  std::span<const float> logits;        // [count, 1008] without the bias, Inception alone
  std::shared_ptr<const void> storage;  // what the spans look into
  double images_per_second = 0;         // 0: read from a file
};

/// Runs all images through the network, `batch` at once, which no value depends on; up to eight threads read and
/// resize images ahead of it. `progress`, which may be empty, is called with the number of images done. Throws what
/// reading the first bad image threw, Interrupted where the user asked to stop, and what `progress` throws.
ImagePass run_pass(const ImageSource& images, const ImageProtocol& protocol, const FeatureNetwork& network,
                   std::int64_t batch, const std::function<void(std::int64_t done)>& progress);

/// Keeps a pass as safetensors: `features`, `spatial` and `logits`, those that there are, and `labels` [count] where
/// they are given. With labels, a feature file as `assay metric` takes it.
void write_pass(const std::filesystem::path& file, const ImagePass& pass, const std::vector<std::int64_t>& labels = {});
/// Throws InputError naming the file where it holds no pass.
ImagePass read_pass(const std::filesystem::path& file);

/// Features and logits of a pass under a protocol, which look into it. Labels and hash are left to the caller.
FeatureSet feature_set(const std::string& name, const ImagePass& pass, const ImageProtocol& protocol);
/// The same of images whose passes, one after the other, these files keep; they are read in turn and copied. Throws
/// InputError as read_pass().
FeatureSet read_feature_set(const std::string& name, std::span<const std::filesystem::path> passes,
                            const ImageProtocol& protocol);

}  // namespace assay
