#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/names.h"

namespace assay::class_tokens {

/// What the published code (run.py) does beside its description, each by itself. `faithful` has all of them, `fixed`
/// none.
struct Quirks {
  bool unpadded_prompts = false;       // training prompts end with their last token, evaluated ones are padded
  bool clip_before_backward = false;   // the norm is clipped before each image's gradient is added, so that the scaled
                                       // sum of the images before it is cut to the norm and the last one is not
  bool decay_every_row = false;        // weight decay shrinks the rows of all other words, whose gradient is zero
  bool repeated_latents = false;       // every epoch starts from the noise of the first one
  bool collapse_changes_seed = false;  // a loss above `collapse` times the least goes on with other noise
  bool judged_in_training = false;     // least loss and accuracy are those of the images that were trained on
  bool kept_one_update_late = false;   // the loss is that before an update, the row kept that after it
};

enum class LearningMode { faithful, fixed };
inline constexpr Names<LearningMode> learning_mode_names = {{"faithful", LearningMode::faithful},
                                                            {"fixed", LearningMode::fixed}};
Quirks quirks_of(LearningMode mode);

/// The defaults are the published ones.
struct LearningOptions {
  LearningMode mode = LearningMode::fixed;
  std::int64_t epochs = 50;  // at most, each with one step of the optimiser
  std::int64_t images = 5;   // of an epoch
  std::int64_t batch = 1;    // of them at once; where clipping comes before the gradient one, as published
  std::int64_t judged = 5;   // images of other noise that a step is judged by, where it is not by the trained ones
  double learning_rate = 1.25e-3;
  double weight_decay = 1e-2;
  double max_norm = 1.0;          // of the gradient
  double loss_scale = 65536;      // that mixed precision multiplies the loss by; counts where clipping comes first
  double accuracy_to_stop = 0.7;  // above which no further epoch begins
  std::int64_t patience = 15;     // epochs without a lower loss; one more stops
  double collapse = 2.0;

  Quirks quirks() const { return quirks_of(mode); }
};

/// Noise with lower numbers is trained on, that from here on judges.
inline constexpr std::int64_t first_judged_noise = std::int64_t{1} << 22;

/// An image to draw: which of the templates its prompt follows, and the number of its noise.
struct PromptedNoise {
  std::int64_t prompt_template = 0, noise = 0;
  bool operator==(const PromptedNoise&) const = default;
};

/// What a text encoder embeds prompts with: the token's row [width], and what the rows of all other words have been
/// multiplied by.
struct TokenRows {
  at::Tensor row;
  double others = 1.0;
};

/// Logits [n, classes] of the images drawn for these prompts, differentiable in the row where that requires it.
using TokenLogits = std::function<at::Tensor(const std::vector<PromptedNoise>& images, const TokenRows& rows)>;

struct LearnedToken {
  TokenRows rows;              // those that were kept
  std::int64_t steps = 0;      // of the optimiser
  std::int64_t kept_step = 0;  // after which the kept rows stood; 0: the initial ones
  std::int64_t collapses = 0;
  std::string stopped;             // "accuracy", "patience" or "epochs"
  std::vector<double> losses;      // the mean over an epoch's images, before its step
  std::vector<double> accuracies;  // what the stop rule saw after each step
};

/// Learns the row of a token so that a classifier sees class `target` in what is drawn (Schwartz et al.,
/// arXiv:2303.17155): AdamW on the mean cross entropy over the images of an epoch. `templates`: how many there are;
/// image i of an epoch follows template i modulo their number, in an order shuffled under `seed`. `progress(epochs
/// done)` may throw. Where nothing was ever better than the first rows, those are kept. Throws InputError for a target
/// that the logits lack, and options out of range.
LearnedToken learn_token(const TokenLogits& logits, const at::Tensor& initial, std::int64_t target,
                         std::int64_t templates, const LearningOptions& options, std::uint64_t seed,
                         const std::function<void(std::int64_t)>& progress = {});

/// The gradient [width] of the mean cross entropy over the images of the first epoch by the row at `initial`.
at::Tensor first_gradient(const TokenLogits& logits, const at::Tensor& initial, std::int64_t target,
                          std::int64_t templates, const LearningOptions& options, std::uint64_t seed);

}  // namespace assay::class_tokens
