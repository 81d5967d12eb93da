#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "diffusion/condition_block.h"
#include "metrics/clustering/kmeans.h"
#include "reproductions/self_guided/study.h"

namespace assay::self_guided {

/// What an arm is guided by: the condition of every training image, and of every held-out one.
struct Signal {
  ConditionBlock train, held_out;
  const std::string& arm() const { return train.name; }
};

/// The features of an encoder that k-means sees, of the training images and of the held-out ones: [N, D] float32 on the
/// CPU.
struct EncoderFeatures {
  at::Tensor train, held_out;
};
EncoderFeatures cluster_features(Study& s, Encoder encoder);

/// k-means on training features alone (SGDM's published code), fit `fit` of this seed; the first one makes arms.
KMeans fit_clusters(const Study& s, const at::Tensor& features, std::int64_t clusters, std::int64_t fit = 0);

/// Image-level signals: human labels, clusters of the first encoder for every K, clusters of the further encoders for
/// the first K, random ids; those that a shipped network knows where there is one. Stage "clusters", which records how
/// well clusters agree with people's groups.
std::vector<Signal> image_signals(Study& s);

}  // namespace assay::self_guided
