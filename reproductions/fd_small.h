#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "metrics/features/small_features.h"
#include "metrics/generative/frechet.h"
#include "reproductions/method.h"
#include "reproductions/samples/image_tensors.h"

namespace assay {

/// Protocol `fd-small`: Fréchet distance to the training split in features of a small network that no arm has seen
/// (metrics/features/small_features.h). Never to be called FID.
class FdSmall {
 public:
  /// Trains the feature network on `train`, or finds it in the cache: one network for all seeds. `replicates` are those
  /// of every interval; their seed is the run's.
  FdSmall(Run& run, const LabelledImages& train, const SmallFeaturesOptions& options, std::int64_t replicates);

  /// [N, D] of images [N, 3, H, W] in [-1, 1].
  at::Tensor features(const at::Tensor& images) const;
  ProtocolUse protocol() const;

  double distance(const at::Tensor& features) const;
  /// Precision and recall in the same features (metrics/generative/prdc.h), with intervals; protocol neighbours().
  /// `reference` as in score().
  std::vector<Score> precision_and_recall(const std::string& arm, const at::Tensor& features,
                                          const nlohmann::json& params, const at::Tensor& reference = {}) const;
  ProtocolUse neighbours() const;
  /// With a bootstrap interval over the samples, about the value. `reference`: features() of other images than the
  /// training split, which the protocol in use must then name.
  Score score(const std::string& arm, const at::Tensor& features, nlohmann::json params,
              const at::Tensor& reference = {}) const;
  /// a less b, row i of both from the same noise: a paired bootstrap over the samples. Named "fd-small difference".
  Score difference(const std::string& arm_a, const at::Tensor& a, const std::string& arm_b, const at::Tensor& b,
                   nlohmann::json params) const;

 private:
  ConvEncoder network_;
  std::string network_hash_, dataset_hash_;
  at::Tensor reference_features_;
  Gaussian reference_;
  std::int64_t replicates_;
  std::uint64_t seed_;
};

}  // namespace assay
