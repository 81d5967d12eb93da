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
  std::int64_t heads() const { return query_.size(1); }
  std::int64_t queries() const { return query_.size(2); }
  std::int64_t keys() const { return key_.size(2); }

  /// softmax(q k^T / sqrt(D)), [B, heads, Q, K], float32 at least.
  at::Tensor map() const { return map(0, batch()); }
  /// Of the rows [begin, begin + count) of the batch: the conditional half of a guided prediction, say.
  at::Tensor map(std::int64_t begin, std::int64_t count) const;

  /// The mean over heads of those rows, [count, Q, K]. The map of a large layer is made a part at a time, whole images
  /// or some of an image's queries, so that at most `most` of its numbers exist at once (those of one query in all
  /// heads where that is more), whatever the batch: 4 M, where an image of Stable Diffusion 1 has 134 M at 64 x 64.
  at::Tensor mean_of_heads(std::int64_t begin, std::int64_t count, std::int64_t most = std::int64_t{1} << 22) const;

 private:
  /// Of rows [row, row + rows) of the batch and of each the queries [first_query, first_query + queries).
  at::Tensor part(std::int64_t row, std::int64_t rows, std::int64_t first_query, std::int64_t queries) const;

  at::Tensor query_, key_;
};

/// Looks into a UNet while it predicts: at its attention and at what its blocks give. What is predicted has the same
/// bits with an observer as without. An observer does what it overrides and nothing else.
class AttentionObserver {
 public:
  virtual ~AttentionObserver() = default;
  /// Called before each prediction with its arguments: latents x [B, C, H, W] and time steps, [B] or one for all.
  virtual void begin(const at::Tensor& /*x*/, const at::Tensor& /*timesteps*/) {}
  /// Called for each attention module in the order of the network; `module` is its official name, such as
  /// "down_blocks.0.attentions.1.transformer_blocks.0.attn2". attn1 looks at the image itself, attn2 at the text.
  virtual void see(const std::string& /*module*/, const ObservedAttention& /*attention*/) {}
  /// Called with what each block gives to the next, [B, C, H, W], as a forward hook of diffusers on "down_blocks.0",
  /// "mid_block" or "up_blocks.1" gets it: behind its downsampler or upsampler where it has one. Clone what is kept.
  virtual void see_block(const std::string& /*block*/, const at::Tensor& /*output*/) {}
};

/// Where the rows of the prompts begin in a batch of so many rows of a guided prediction (PromptGuidance): at its
/// second half where there are two an image, else at 0. Throws Error for another number of rows.
std::int64_t first_row_of_prompts(std::int64_t batch, std::int64_t images);

}  // namespace assay
