#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "metrics/features/conv_encoder.h"

namespace assay::self_guided {

/// Self-supervised training of the feature extractor g (SGDM's "simclr" option: native image size) on images
/// alone: two random views attract each other, all other views in the batch repel (NT-Xent, Chen et al.,
/// arXiv:2002.05709, eq. 1). The second view is of the image itself or, with probability `neighbour_share`, of one of
/// its nearest images (Dwibedi et al., arXiv:2104.14548): variants of one motif then attract rather than repel. Nearest
/// is first by PCA of the pixels, and after each part of the training by the encoder itself.
struct SimclrOptions {
  std::int64_t width = 32;
  std::int64_t features = 128;
  std::int64_t grid = 1;  // places the pooling keeps, a side (ConvEncoderConfig::grid)
  std::int64_t projection = 64;
  std::int64_t steps = 800;
  std::int64_t batch = 192;  // images, each seen twice
  double temperature = 0.2;
  double learning_rate = 2e-3;  // cosine decay to 0
  double weight_decay = 1e-4;
  double smallest_crop = 0.5;
  double colour = 0.4;
  double grey = 0.2;
  double channel_shuffle = 0.0;
  std::int64_t neighbours = 4;       // how many of the nearest images may be the second view
  double neighbour_share = 0.0;      // 0 is plain SimCLR
  std::int64_t neighbour_parts = 1;  // parts of the training between which neighbours are looked up anew
};

SimclrOptions read_simclr_options(const nlohmann::json& object, const std::string& where);
nlohmann::json to_json(const SimclrOptions& options);

/// NT-Xent loss of projections a, b [B, P]; row i of a and of b are views of one image. Scalar.
at::Tensor nt_xent(const at::Tensor& a, const at::Tensor& b, double temperature);

/// The sizes that training gives: what a stored encoder is loaded into.
ConvEncoderConfig encoder_config(const SimclrOptions& options);

/// Trains on `images` [N, 3, H, W] in [-1, 1]; no label is seen. `progress(step, loss)` after every step.
ConvEncoder train_simclr(const at::Tensor& images, const SimclrOptions& options, std::uint64_t seed,
                         const std::function<void(std::int64_t, double)>& progress);

}  // namespace assay::self_guided
