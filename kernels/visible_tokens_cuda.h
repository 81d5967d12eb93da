#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>

namespace assay {

/// Sizes of a batch of token sequences.
struct TokenSizes {
  std::int64_t batch, first, shown, patches, width;  // first: tokens before those of the patches
};

/// `tokens` [batch, first + shown, width] from `first` [batch, first, width], `patches` [batch, shown, width] and
/// `positions` [first + patches, width]; `visible` [batch, shown] or null. Arrays lie on the stream's device.
void launch_visible_tokens(const float* first, const float* patches, const float* positions,
                           const std::int64_t* visible, float* tokens, const TokenSizes& sizes, cudaStream_t stream);

/// `sums` [first + patches, width]: each row over the tokens that took it, image after image; `slots` [batch, patches]
/// or null.
void launch_position_sums(const float* tokens, const std::int64_t* slots, float* sums, const TokenSizes& sizes,
                          cudaStream_t stream);

}  // namespace assay
