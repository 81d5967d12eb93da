#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "reproductions/objects/local_features.h"
#include "reproductions/objects/lost.h"
#include "reproductions/objects/tokencut.h"

namespace assay {

/// The object of each of N images of one size.
struct FoundObjects {
  std::vector<PixelBox> boxes;  // [N], in pixels of the images
  at::Tensor masks;             // [N, 1, H, W] float, 1 in the patches that the box is put around
};

/// LOST on each image; `candidate_share` in (0, 1] of the patches may join the seed (InputError otherwise). The
/// published 100 are a tenth of the patches of a photograph, and all of a small image. `height` and `width` are those
/// of the images before padding. Images side by side.
FoundObjects find_by_lost(const LocalFeatures& features, double candidate_share, std::int64_t height,
                          std::int64_t width);

/// TokenCut on each image; of the options, `patch` is the features'.
FoundObjects find_by_tokencut(const LocalFeatures& features, TokenCutOptions options, std::int64_t height,
                              std::int64_t width);

}  // namespace assay
