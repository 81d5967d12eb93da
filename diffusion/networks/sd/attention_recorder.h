#pragma once
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "diffusion/networks/sd/attention_observer.h"
#include "diffusion/networks/sd/unet_layers.h"

namespace assay {

/// The predictions [begin, end) that an observer is shown, counted from 0. DDIM makes one a step; PNDM one more than it
/// has steps.
struct PredictionRange {
  std::int64_t begin = 0, end = std::numeric_limits<std::int64_t>::max();
};

struct AttentionRecorderOptions {
  // Rows of positions (of square latents: positions a side) of the layers whose attention to the text, and to the image
  // itself, is recorded; 0: of none.
  std::int64_t cross_side = 16, self_side = 32;
  // Only what lies within one of these is recorded, by official names: "up_blocks", "up_blocks.1.attentions.0". Empty:
  // all layers of that size.
  std::vector<std::string> within = {};
  // Each has means of its own; they may overlap: {{0, 50}, {25, 50}} are all of 50 steps and the late half.
  std::vector<PredictionRange> groups = {{}};
};

/// Records attention of a chain: means over heads, layers of one size and a group of predictions, of each image of a
/// batch: the clues of AttentionCut in DiffusionSeg (arXiv:2303.09813). Which layers, sizes and steps to average is
/// this suite's choice, after Dataset Diffusion. Where a batch has two rows an image, as PromptGuidance makes it, those
/// of the prompt are recorded, the second half.
///
/// Memory: one sum a group of each kind, [images, N, N] and [images, N, L] in float32 (double where the network
/// computes in double), nothing of a step; and meanwhile the mean of one layer, as ObservedAttention::mean_of_heads()
/// makes it.
class AttentionRecorder : public AttentionObserver {
 public:
  /// For a UNet that predicts `images` latents of this size. Throws InputError where no layer has a side that is asked
  /// for, with the sides that there are, where no such layer lies within what is asked for, and for a group that is
  /// empty.
  AttentionRecorder(const SdUNetConfig& unet, LatentGrid latents, std::int64_t images,
                    const AttentionRecorderOptions& options);

  /// Throws InputError for latents of another size, Error for a batch of neither one nor two rows an image.
  void begin(const at::Tensor& x, const at::Tensor& timesteps) override;
  void see(const std::string& module, const ObservedAttention& attention) override;

  /// Mean attention of the positions to each token of the text, [images, L, positions of cross_grid()]. A position's
  /// sum over the tokens is 1. Throws Error where no prediction of the group was seen or nothing is recorded.
  at::Tensor cross(std::size_t group = 0) const;
  /// Mean attention of the positions to each other, [images, N, N] with N those of self_grid(): each row sums to 1.
  /// Throws as cross().
  at::Tensor self(std::size_t group = 0) const;

  LatentGrid cross_grid() const { return cross_.grid; }
  LatentGrid self_grid() const { return self_.grid; }
  /// Predictions that were seen.
  std::int64_t predictions() const { return predictions_; }

 private:
  /// The layers of one kind that are recorded.
  struct Recorded {
    LatentGrid grid;
    std::set<std::string> modules;
    std::vector<at::Tensor> sums;        // a group, undefined before its first
    std::vector<std::int64_t> summands;  // a group
  };
  Recorded layers_of(const SdUNetConfig& unet, bool at_text, std::int64_t side) const;
  void add(Recorded& recorded, const ObservedAttention& attention) const;
  at::Tensor mean_of(const Recorded& recorded, std::size_t group) const;

  LatentGrid latents_;
  std::int64_t images_;
  AttentionRecorderOptions options_;
  Recorded cross_, self_;
  std::int64_t predictions_ = 0;
  std::int64_t first_row_ = 0;  // of the prompt's rows in this prediction
};

}  // namespace assay
