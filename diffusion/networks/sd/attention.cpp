#include "diffusion/networks/sd/attention.h"

#include <ATen/ops/scaled_dot_product_attention.h>

#include "kernels/inference/head_attention.h"

namespace assay {

SdAttention::SdAttention(Parameters& p, const std::string& name, const Options& o)
    : name_(name),
      options_(o),
      to_q_(p, name + ".to_q", o.width, o.heads * o.head_width, o.bias, Projection::Kept::as_matrix,
            o.older_names ? name + ".query" : ""),
      to_k_(p, name + ".to_k", o.context, o.heads * o.head_width, o.bias, Projection::Kept::as_matrix,
            o.older_names ? name + ".key" : ""),
      to_v_(p, name + ".to_v", o.context, o.heads * o.head_width, o.bias, Projection::Kept::as_matrix,
            o.older_names ? name + ".value" : ""),
      to_out_(p, name + ".to_out.0", o.heads * o.head_width, o.width, true, Projection::Kept::as_matrix,
              o.older_names ? name + ".proj_attn" : "") {}

at::Tensor SdAttention::of_heads(const at::Tensor& tokens) const {
  return tokens.view({tokens.size(0), tokens.size(1), options_.heads, options_.head_width}).transpose(1, 2);
}

at::Tensor SdAttention::attended(const at::Tensor& x, const at::Tensor& context, AttentionObserver* observer) const {
  const at::Tensor queries = to_q_(x), keys = to_k_(context), values = to_v_(context);
  const at::Tensor query = of_heads(queries), key = of_heads(keys);
  if (observer) observer->see(name_, ObservedAttention(query, key));
  // An observer may keep the queries, whose memory the result takes.
  if (to_q_.in_panels()) return head_attention(observer ? queries.clone() : queries, keys, values, options_.heads);
  const at::Tensor heads = at::scaled_dot_product_attention(query, key, of_heads(values));
  return heads.transpose(1, 2).reshape({x.size(0), x.size(1), options_.heads * options_.head_width});
}

at::Tensor SdAttention::operator()(const at::Tensor& x, const at::Tensor& context, AttentionObserver* observer) const {
  return to_out_(attended(x, context, observer));
}

at::Tensor SdAttention::plus(const at::Tensor& x, const at::Tensor& context, const at::Tensor& residual,
                             AttentionObserver* observer) const {
  return to_out_.plus(attended(x, context, observer), residual);
}

void SdAttention::count(CostWalk& walk, std::int64_t queries, std::int64_t keys) const {
  to_q_.count(walk, queries);
  to_k_.count(walk, keys);
  to_v_.count(walk, keys);
  walk.multiply(queries, options_.heads * options_.head_width, 2 * keys);  // scores and their sum over values
  to_out_.count(walk, queries);
}

}  // namespace assay
