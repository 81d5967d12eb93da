#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace assay {

/// softmax(q k^T / sqrt(D)) v of each head, in float32 on the CPU: [B, Q, heads * D] from q [B, Q, heads * D] and k, v
/// [B, K, heads * D], heads side by side as projections leave them; K is at least 1.
///
/// Scores are never held as a whole: blocks of 512 keys, with the largest score so far (Milakov and Gimelshein,
/// arXiv:1805.02867). A row's bits depend on its query and the keys alone. The result takes the place of the queries,
/// in their memory, where they are contiguous: the caller has no more need of them.
at::Tensor head_attention(at::Tensor query, const at::Tensor& key, const at::Tensor& value, std::int64_t heads);

}  // namespace assay
