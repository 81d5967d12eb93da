#pragma once
#include <ATen/core/Tensor.h>

#include <optional>

namespace assay {

/// H = -sum_c p_c ln p_c [B] in nats, p the softmax of logits [B, C], in the type of the logits; differentiable. In
/// float32 with the published arithmetic, whose error is an epsilon of 1 however small H is; in double to full relative
/// precision.
at::Tensor entropy(const at::Tensor& logits);

/// ln p_y [B] of logits [B, C] and labels [B] int64, differentiable; arithmetic as entropy()'s.
at::Tensor log_probability(const at::Tensor& logits, const at::Tensor& labels);

/// ln C, or the constant that stands in its place: ED-DPM's published code has ln 1000 whatever C is.
double maximum_entropy(std::int64_t classes, std::optional<double> constant);

/// ED-DPM's entropy-driven scale (EDS) of the guidance gradient, for each sample.
struct EntropyScale {
  at::Tensor entropy;  // H [B], nats
  at::Tensor scale;    // k [B]; +inf where H is 0 and the floor is 0
  at::Tensor clamped;  // [B] bool: the floor decided k
};

/// k = 1 / (H / ln C) for logits [B, C] (ED-DPM's published code, cond_fn), without gradient. `floor` of H / ln C
/// bounds k by 1 / floor; 0 is faithful to the published code, which has none. `constant` replaces ln C.
EntropyScale entropy_scale(const at::Tensor& logits, double floor = 0.0, std::optional<double> constant = {});

/// ED-DPM's classifier loss (ECT), each term [B] and differentiable.
struct EntropyConstraint {
  at::Tensor cross_entropy;  // -ln p_y
  at::Tensor gap;            // ln C - H = KL(p || uniform)
  at::Tensor loss;           // cross_entropy + weight * gap
};

/// Loss terms of logits [B, C] and labels [B] int64 (ED-DPM's published code, classifier_train_ECT; its default weight
/// is 0.1). `constant` replaces ln C.
EntropyConstraint entropy_constraint(const at::Tensor& logits, const at::Tensor& labels, double weight,
                                     std::optional<double> constant = {});

}  // namespace assay
