#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>

namespace assay {

/// What one attention module looked at in one prediction. The map is made when it is asked for, and only then.
class ObservedAttention {
 public:
  /// `query` [B, heads, Q, D], `key` [B, heads, K, D].
  ObservedAttention(at::Tensor query, at::Tensor key) : query_(std::move(query)), key_(std::move(key)) {}

  std::int64_t batch() const { return query_.size(0); }
  /// softmax(q k^T / sqrt(D)), [B, heads, Q, K], float32 at least.
  at::Tensor map() const { return map(0, batch()); }
  /// Of the rows [begin, begin + count) of the batch: the conditional half of a guided prediction, say.
  at::Tensor map(std::int64_t begin, std::int64_t count) const;

 private:
  at::Tensor query_, key_;
};

/// Looks into a network while it predicts. What is predicted has the same bits with an observer as without.
class AttentionObserver {
 public:
  virtual ~AttentionObserver() = default;
  /// Called for each attention module in the order of the network; `module` is its official name, such as
  /// "down_blocks.0.attentions.1.transformer_blocks.0.attn2". attn1 looks at the image itself, attn2 at the text.
  virtual void see(const std::string& module, const ObservedAttention& attention) = 0;
};

}  // namespace assay
