#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "diffusion/networks/sd/attention_observer.h"

namespace assay {

/// Keeps what chosen blocks of a UNet give at chosen predictions: features for another network (DiffusionSeg,
/// arXiv:2303.09813, takes those of an image that was inverted; which blocks and steps is ours). What a block gives is
/// that of diffusers' forward hooks (AttentionObserver::see_block); unet_block() says its shape beforehand and whether
/// there is such a block.
class FeatureTaps : public AttentionObserver {
 public:
  /// `blocks`: "up_blocks.1", ...; `predictions`: those whose features are kept, counted from 0 for the first that this
  /// object is shown. `images` of a batch; where it has two rows an image, those of the prompt are kept, the second
  /// half.
  FeatureTaps(std::vector<std::string> blocks, std::vector<std::int64_t> predictions, std::int64_t images);

  /// Throws Error for a batch of neither one nor two rows an image.
  void begin(const at::Tensor& x, const at::Tensor& timesteps) override;
  void see_block(const std::string& block, const at::Tensor& output) override;

  /// [images, C, H, W], float32 at least. Throws Error where it is none of the chosen or was not seen.
  const at::Tensor& features(const std::string& block, std::int64_t prediction) const;

 private:
  std::vector<std::string> blocks_;
  std::vector<std::int64_t> chosen_;
  std::int64_t images_;
  std::int64_t predictions_ = 0, first_row_ = 0;
  std::map<std::pair<std::string, std::int64_t>, at::Tensor> kept_;
};

}  // namespace assay
