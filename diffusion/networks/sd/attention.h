#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "diffusion/networks/sd/attention_observer.h"
#include "diffusion/networks/sd/projection.h"

namespace assay {

/// softmax(q k^T / sqrt(D)) v of several heads, between projections. Keys `name`.to_q, .to_k, .to_v and .to_out.0,
/// which alone always has a bias.
class SdAttention {
 public:
  struct Options {
    std::int64_t width = 0;    // of x
    std::int64_t context = 0;  // of what it attends to
    std::int64_t heads = 1, head_width = 1;
    bool bias = false;         // of queries, keys and values
    bool older_names = false;  // a file may name them query, key, value and proj_attn, as the VAE of older files does
  };
  SdAttention(Parameters& parameters, const std::string& name, const Options& options);

  /// [B, Q, width] from x of that shape and `context` [B, K, context].
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& context, AttentionObserver* observer = nullptr) const;
  /// The same plus `residual`, of x's shape.
  at::Tensor plus(const at::Tensor& x, const at::Tensor& context, const at::Tensor& residual,
                  AttentionObserver* observer = nullptr) const;
  void count(CostWalk& walk, std::int64_t queries, std::int64_t keys) const;

 private:
  /// [B, Q, heads x head_width]: of all heads side by side.
  at::Tensor attended(const at::Tensor& x, const at::Tensor& context, AttentionObserver* observer) const;
  at::Tensor of_heads(const at::Tensor& tokens) const;

  std::string name_;
  Options options_;
  Projection to_q_, to_k_, to_v_, to_out_;
};

}  // namespace assay
